"""What of measurements is kept for ever, what goes after its time, and what stays around a change."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.db.queries import kept_kinds
from app.db.tables import attempt, import_, measurement, result
from app.results.ingest import ingest
from app.tasks import retention
from tests.cli.commands import rigline
from tests.pages.site import NOW, native, sha
from tests.results.shifted import shift

YEAR = timedelta(days=366)


async def history(site, *, commits, old):
    """Measure two series at each commit; the first `old` attempts ended more than a year ago."""
    repository = await site.repository()
    attempts = []
    for number in range(commits):
        files = [native("draw", number, number + 2, 50), native("boot", 7, 8)]
        _, made = await site.measured(repository, sha(number), files, at=number, title=f"No. {number}")
        attempts.append(made)
    await grow_old(site, attempts[:old])
    return repository, attempts


async def grow_old(site, attempts):
    async with site.deps.begin() as db:
        await db.execute(sa.update(attempt).where(attempt.c.id.in_(attempts)).values(ended_at=NOW - YEAR))
        await db.execute(sa.update(result).where(result.c.attempt_id.in_(attempts)).values(stored_at=NOW - YEAR))


async def with_samples(site, name="draw"):
    """Say at which commits a benchmark has raw samples."""
    (row,) = (await site.json(f"/api/v1/series?benchmark={name}"))["items"]
    found = await site.json(f"/api/v1/series/{row['id']}/points?samples=true")
    return [each["title"] for each in found["items"] if each["raw"]], found["items"], row["id"]


async def test_raw_samples_go_after_a_year_and_what_they_say_in_sum_stays(site):
    await history(site, commits=4, old=2)
    before = (await with_samples(site))[1]

    await retention.Remover(site.deps.begin, site.deps.settings).round()

    left, items, _ = await with_samples(site)
    assert left == ["No. 2", "No. 3"]
    assert [each | {"raw": None} for each in items] == [each | {"raw": None} for each in before]


async def test_around_a_change_point_raw_samples_and_result_files_stay_for_ever(site, monkeypatch):
    monkeypatch.setattr(kept_kinds, "AROUND", 2)
    repository, attempts = await history(site, commits=10, old=10)
    series = (await with_samples(site))[2]
    await shift(site, repository, series, (sha(4), sha(5)))

    await retention.Remover(site.deps.begin, site.deps.settings).round()

    assert (await with_samples(site))[0] == ["No. 3", "No. 4", "No. 5", "No. 6"]
    assert (await with_samples(site, "boot"))[0] == []  # nothing shifted there
    async with site.deps.begin() as db:
        there = await db.scalars(sa.select(result.c.attempt_id).where(result.c.removed_at.is_(None)).distinct())
        assert sorted(there) == attempts[4:6]


async def test_a_removed_result_file_is_gone_with_a_reason_and_its_measurements_stay_when_read_again(site):
    _, (old, _) = await history(site, commits=2, old=1)
    async with site.deps.begin() as db:
        job = await db.scalar(sa.select(attempt.c.job_id).where(attempt.c.id == old))

    await retention.Remover(site.deps.begin, site.deps.settings).round()

    gone = await site.http.get(f"/api/v1/jobs/{job}/result")
    assert (gone.status_code, gone.json()["error"]["code"]) == (410, "removed")
    assert await ingest(site.deps, old) == 0
    assert [each["value"] for each in (await site.json(f"/api/v1/results?job={job}"))["items"]] == [2, 7.5]


async def test_samples_of_a_point_that_was_measured_twice_may_go_one_after_the_other(site):
    repository = await site.repository()
    _, first = await site.measured(repository, sha(1), [native("draw", 1, 2, 9)], at=1, title="Twice")
    await site.measured(repository, sha(1), [native("draw", 4, 4, 4, 4)])
    (row,) = (await site.json("/api/v1/series"))["items"]
    points = f"/api/v1/series/{row['id']}/points"
    together = (await site.json(points))["items"][0]
    await grow_old(site, [first])

    await retention.Remover(site.deps.begin, site.deps.settings).round()

    (after,) = (await site.json(points))["items"]
    assert (together["value"], together["samples"]) == (4, 7)  # of all seven
    assert (after["value"], after["low"], after["high"], after["samples"]) == (4, 1, 9, 7)


async def test_samples_of_an_import_go_a_year_after_it(site):
    repository, _ = await history(site, commits=1, old=0)
    row = (await site.series())[0]
    brought = await site.insert(
        "import", repository_id=repository, sha256="0", format="asv", imported_by="ada", note="", imported_at=NOW - YEAR
    )
    same = {"series_id": row["series_id"], "commit_id": row["commit_id"], "made_at": row["made_at"]}
    numbers = {"value": 1, "low": 1, "high": 1, "count": 1, "samples": [1.0]}
    added = await site.insert("measurement", import_id=brought, **same, **numbers)

    await retention.Remover(site.deps.begin, site.deps.settings).round()

    async with site.deps.begin() as db:
        assert await db.scalar(sa.select(measurement.c.samples).where(measurement.c.id == added)) == []
        assert await db.scalar(sa.select(import_.c.samples_removed_at)) is not None


async def test_with_a_limit_of_zero_days_everything_stays(site):
    site.deps.settings.__dict__.update(keep_samples_days=0, keep_results_days=0)
    await history(site, commits=2, old=2)

    await retention.Remover(site.deps.begin, site.deps.settings).round()

    assert (await with_samples(site))[0] == ["No. 0", "No. 1"]


@pytest.mark.parametrize("left", [0, 3])
async def test_a_round_goes_in_portions_and_the_command_goes_on_to_the_end(site, monkeypatch, left):
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    monkeypatch.setattr(retention, "PORTIONS", 2)
    await history(site, commits=5 + left, old=5)
    where = {"DATABASE_URL": site.deps.settings.database_url, "REDIS_URL": site.deps.settings.redis_url}

    asked = json.loads((await rigline("retention", "--dry-run", "--json", **where)).out)
    await retention.Remover(site.deps.begin, site.deps.settings).round()
    after_a_round = len((await with_samples(site))[0])
    done = await rigline("retention", **where)

    due = {each["what"]: (each["days"], each["of"]) for each in asked["items"]}
    assert due == {"logs": (90, 5), "artefacts": (30, 0), "raw samples": (365, 5), "raw samples of imports": (365, 0),
                   "result files": (365, 10), "deliveries": (90, 0), "audit": (0, 0), "pipelines": (0, 0)}  # fmt: skip
    assert (asked["removed"], after_a_round) == (False, 3 + left)
    assert done.status == 0 and "raw samples" in done.out
    assert len((await with_samples(site))[0]) == left
