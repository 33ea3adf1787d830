"""How measurements find their series and their place, and what is learnt of a series by them."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from app.db.queries import commits
from app.results import families, steps
from app.results.ingest import ingest
from app.results.store import branch_of
from builders.protocol import CommitFacts
from tests.pages.site import NOW, native, sha

TIMES = ("ns", "us", "µs", "ms", "s")


@given(st.lists(st.floats(min_value=1e-9, max_value=1e9), min_size=1), st.sampled_from(TIMES), st.sampled_from(TIMES))
def test_a_conversion_there_and_back_changes_no_value_by_more_than_its_last_digits(values, one, other):
    back = families.converted(families.converted(values, one, other), other, one)

    assert back == pytest.approx(values, rel=1e-15)


@pytest.mark.parametrize(("one", "other"), [("ms", "B"), ("ms", "min"), ("B", "kB"), ("", "s"), ("frames/s", "s")])
def test_units_of_different_families_are_never_converted(one, other):
    with pytest.raises(ValueError, match="cannot be written in"):
        families.converted([1.0], one, other)
    assert families.canonical(one) != families.canonical(other)


@pytest.mark.parametrize(
    ("samples", "step"),
    [
        ([60, 61, 0, 60], 1),
        ([8.5, 8, 9], 0.5),
        ([0.1 + 0.2, 0.7], 0.1),
        ([0.05, 0.1], 0.05),
        ([1.2345], 0.0005),
        ([3.14159265358979], steps.NONE),
        ([1e300], steps.NONE),
    ],
)
def test_a_step_is_the_largest_that_all_samples_are_multiples_of(samples, step):
    assert steps.step_of(samples) == step


@given(st.lists(st.integers(min_value=-(10**6), max_value=10**6), min_size=1), st.sampled_from(steps.STEPS[:8]))
def test_a_step_of_two_parts_is_that_of_the_whole_whatever_comes_first(numbers, size):
    samples = [number * size for number in numbers]

    whole = steps.step_of(samples)

    assert steps.step_of(samples[1:], steps.step_of(samples[:1])) == whole
    assert whole >= size


async def test_twenty_samples_of_whole_numbers_imply_the_resolution_and_one_other_takes_it_back(site):
    repository = await site.repository()

    async def learnt():
        row = (await site.series())[0]
        return row["step"], row["step_samples"], steps.implied(row["step"], row["step_samples"])

    _, first = await site.measured(repository, sha(1), [native("fps", *[60, 61] * 6)])
    few = await learnt()
    await ingest(site.deps, first)  # the same once more says nothing more
    again = await learnt()
    await site.measured(repository, sha(2), [native("fps", *[59] * 8)])
    enough = await learnt()
    await site.measured(repository, sha(3), [native("fps", 60.5)])

    assert few == again == (1.0, 12, None)
    assert enough == (1.0, 20, 1.0)
    assert await learnt() == (0.5, 20, 0.5)


async def test_a_branch_that_is_called_like_a_pull_request_has_a_series_of_its_own(site):
    repository = await site.repository()

    await site.measured(repository, sha(1), [native("boot", 1)], pipeline={"pull_request": 7, "from_fork": True})
    await site.measured(repository, sha(2), [native("boot", 1)], pipeline={"branch": "pull/7"})

    assert [row["branch"] for row in await site.series()] == ["pull/7", "refs/heads/pull/7"]
    assert branch_of("pull/request-template", None) == "pull/request-template"


async def test_only_series_that_are_judged_are_due_for_the_detector(site):
    repository = await site.repository()
    await site.measured(repository, sha(1), [native("boot", 1)], pipeline={"pull_request": 7})
    await site.measured(repository, sha(2), [native("boot", 1)])

    async with site.deps.begin() as db:
        due = list(await db.scalars(sa.text("SELECT s.branch FROM analysis a JOIN series s ON s.id = a.series_id")))

    assert due == ["main"]


async def test_what_a_later_build_tells_of_a_commit_moves_its_points_and_has_them_judged_anew(site):
    repository = await site.repository()
    for number, value in enumerate((10, 20, 30)):
        await site.measured(repository, sha(number), [native("draw", value)])  # known by their hashes: seen just now
    build = await site.job(await site.pipeline(repository, sha(2), kind="build"), "passed")
    async with site.deps.begin() as db:
        await db.execute(sa.text("UPDATE analysis SET due_at = NULL, points = 3"))

    facts = CommitFacts(parents=[], committed_at=0, title="An old one", author="Ada")
    async with site.deps.begin() as db:
        await commits.know(db, build, facts, NOW - timedelta(days=9))
        assert (await db.execute(sa.text("SELECT points, due_at IS NULL FROM analysis"))).one() == (0, False)

    (row,) = (await site.json("/api/v1/series"))["items"]
    points = (await site.json(f"/api/v1/series/{row['id']}/points"))["items"]
    assert [each["value"] for each in points] == [30, 10, 20]


async def test_of_a_comparison_only_the_heads_runs_become_points_and_not_the_first_pair(site):
    repository = await site.repository()
    _, attempt = await site.measured(repository, sha(1), [])
    turns = [("base", 0, 1), ("head", 0, 2), ("head", 1, 3), ("base", 1, 4), ("head", 2, 5)]
    for number, (side, pair, value) in enumerate(turns):
        file = await site.result(attempt, native("boot", value), number)
        await site.update("result", file, side=side, pair=pair)

    await ingest(site.deps, attempt)

    assert [row["samples"] for row in await site.series()] == [[3, 5]]


@pytest.mark.parametrize("metrics", [10, 10_000])
async def test_a_file_of_ten_thousand_metrics_takes_as_many_statements_as_one_of_ten(site, metrics):
    repository = await site.repository()
    one = {"unit": "ms", "better": "lower", "samples": list(range(20))}
    told = [{"name": f"m{number}", **one} for number in range(metrics)]
    data = json.dumps({"version": 1, "benchmarks": [{"name": "all", "metrics": told}]}).encode()
    _, attempt = await site.measured(repository, sha(1), [])
    await site.result(attempt, data)
    asked = []
    event.listen(site.deps.engine.sync_engine, "before_cursor_execute", lambda *given: asked.append(given[2]))

    assert await ingest(site.deps, attempt) == metrics

    assert len(asked) <= 20
    async with site.deps.begin() as db:
        stored = sa.text("SELECT count(*), sum(cardinality(samples)) FROM measurement")
        assert (await db.execute(stored)).one() == (metrics, 20 * metrics)
