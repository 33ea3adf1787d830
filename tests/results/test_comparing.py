"""What becomes of the pairs of a comparison: rows with verdicts, a point of the head's history, the board's noise."""

import asyncio
import json
import random

import pytest

from app.results import comparing
from app.results.ingest import ingest
from app.tasks.catalogue import ingest_result
from tests.pages.site import native, sha

BASE, HEAD = sha(1), sha(2)
PAIRS = 16


class Lab:
    """A repository, and comparisons whose result files are put where a builder puts them."""

    def __init__(self, site, repository):
        self.site, self.repository = site, repository

    async def attempt(self, base, head, *, outcome="passed", binaries=("", ""), commit=HEAD, **also):
        """Store the files of both sides, a pair each, the warm-up first, and open or end the attempt."""
        asked = {"interleaved": True, "compare_with": BASE, "pairs": also.pop("pairs", None), "pull_request": 7}
        pipeline = await self.site.pipeline(self.repository, commit, **asked)
        for _ in range(also.pop("beside", 0)):
            await self.site.job(pipeline, "queued", board_type="other")
        job = await self.site.job(pipeline, outcome or "running")
        attempt = await self.site.attempt(job, outcome, **also)
        files = [
            (side, pair, data) for side, all_ in (("base", base), ("head", head)) for pair, data in enumerate(all_)
        ]
        for number, (side, pair, data) in enumerate(files):
            binary = binaries[side == "head"]
            env = {"binary_sha256": binary} if binary else {}
            await self.site.result(attempt, data, number, side=side, pair=pair, env=env)
        return attempt

    async def told(self, attempt, rows=True):
        [found] = (await self.site.json(f"/api/v1/comparisons?head={HEAD}"))["items"]
        found["rows"] = (await self.site.json(f"/api/v1/comparisons/{found['id']}/rows"))["items"]
        return found


@pytest.fixture
async def lab(site):
    return Lab(site, await site.repository())


def noisy(level, pairs=PAIRS, seed=1, name="boot", **more):
    """Write the files of one side: a warm-up that is far off, then pairs with a noise of half a percent."""
    random_ = random.Random(seed)
    return [
        native(name, 9999.0, **more),
        *(native(name, level * random_.gauss(1, 0.005), **more) for _ in range(pairs)),
    ]


async def test_a_slower_head_is_regressed_and_its_samples_alone_are_a_point_of_its_history(site, lab):
    attempt = await lab.attempt(noisy(100), noisy(105, seed=2))

    await ingest_result(attempt, site.deps)

    found = await lab.told(attempt)
    [row] = found["rows"]
    assert (found["kind"], found["is_over"], found["pairs"], found["counts"]) == (
        "interleaved",
        True,
        PAIRS,
        {"regressed": 1},
    )
    assert (row["verdict"], row["fails"]) == ("regressed", True)
    assert 0.03 < row["low"] < 0.05 < row["high"] < 0.07
    assert len(row["base_values"]) == len(row["head_values"]) == PAIRS and max(row["head_values"]) < 120
    assert found["ratio"] == pytest.approx(1.05, abs=0.01)
    [point] = await site.series()
    assert (point["branch"], len(point["samples"])) == ("pull/7", PAIRS)
    assert point["value"] == pytest.approx(105, rel=0.01)


async def test_looks_ask_for_more_pairs_until_every_metric_is_decided(site, lab):
    attempt = await lab.attempt(noisy(100, 8), noisy(100, 8, seed=2), outcome=None)

    first = await comparing.look(site.deps, attempt)
    again = await comparing.look(site.deps, attempt)
    for side, seed in (("base", 3), ("head", 4)):
        for number, data in enumerate(noisy(100, 8, seed=seed)[1:]):
            at = number + (100 if side == "base" else 200)
            await site.result(attempt, data, at, side=side, pair=9 + number)
    last = await comparing.look(site.deps, attempt)

    found = await lab.told(attempt)
    assert (first, again, last) == (8, 8, 0)
    assert (found["looks"], found["pairs"], found["is_over"], found["counts"]) == (2, 16, False, {"unchanged": 1})


async def test_a_comparison_asks_for_no_more_pairs_than_were_wanted(site, lab):
    wild = [native("boot", value) for value in (1, *[100, 50, 180, 70, 140, 90, 60, 110] * 2)]
    attempt = await lab.attempt(wild, wild[:1] + wild[:0:-1], outcome=None, pairs=16)

    assert await comparing.look(site.deps, attempt) == 0
    assert (await lab.told(attempt))["counts"] == {"undecided": 1}


@pytest.mark.parametrize(("beside", "fails"), [(0, True), (1, False)])
async def test_the_boards_of_one_commit_share_the_chance_of_failing_it_in_error(site, lab, beside, fails):
    """Nine pairs of one sign have p = .0039, twice that for two looks: within 1 %, but not within a half of it."""
    attempt = await lab.attempt(noisy(100, 9), noisy(105, 9, seed=2), pairs=9, beside=beside)

    await comparing.conclude(site.deps, attempt)

    [row] = (await lab.told(attempt))["rows"]
    assert (row["verdict"], row["fails"]) == ("regressed", fails)


def joined(*files):
    """Put the benchmarks of some files into one."""
    benchmarks = [one for file in files for one in json.loads(file)["benchmarks"]]
    return json.dumps({"version": 1, "benchmarks": benchmarks}).encode()


async def test_what_only_one_side_knows_has_a_state_of_its_own_and_no_change(site, lab):
    both, gone, new, other = (native(name, 1.0) for name in ("both", "gone", "new", "other"))
    failed = json.dumps(
        {"version": 1, "benchmarks": [{"name": "gone", "status": "failed", "reason": "no memory", "metrics": []}]}
    )
    attempt = await lab.attempt([joined(both, gone, other)] * 9, [joined(both, new, failed)] * 9)

    await ingest_result(attempt, site.deps)

    rows = {row["benchmark"]: row for row in (await lab.told(attempt))["rows"]}
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "both": "unchanged", "gone": "failed", "new": "new", "other": "removed"
    }  # fmt: skip
    assert rows["gone"]["note"] == "the head says: failed: no memory"
    assert [rows[name]["change"] for name in ("gone", "new", "other")] == [None, None, None]


async def test_a_base_that_was_not_measured_names_no_change(site, lab):
    attempt = await lab.attempt(noisy(100, 3), noisy(200, 3), no_base="ended badly: run: exit status 1")

    await ingest_result(attempt, site.deps)

    found = await lab.told(attempt)
    assert (found["counts"], found["ratio"]) == ({"no_baseline": 1}, None)
    assert found["note"] == "the base ended badly: run: exit status 1"
    assert found["rows"][0]["base_values"] == []


async def test_sides_that_print_other_units_are_held_against_each_other_all_the_same(site, lab):
    attempt = await lab.attempt(noisy(100, unit="ms"), noisy(0.1, seed=2, unit="s"))

    await ingest_result(attempt, site.deps)

    found = await lab.told(attempt)
    assert (found["counts"], [row["unit"] for row in found["rows"]]) == ({"unchanged": 1}, ["ms"])


async def test_the_same_binary_is_unchanged_after_the_first_look_and_shows_the_noise_of_the_board(site, lab):
    sums = ("a" * 64, "a" * 64)
    attempt = await lab.attempt(noisy(100, 8), noisy(130, 8, seed=2), outcome=None, binaries=sums)

    more = await comparing.look(site.deps, attempt)
    [found] = (await site.json("/api/v1/comparisons"))["items"]
    await site.end(found["job_id"], attempt, "passed")
    await asyncio.gather(*(ingest_result(attempt, site.deps) for _ in range(3)))

    found = await lab.told(attempt)
    assert (more, found["counts"]) == (0, {"unchanged": 1})
    assert (found["rows"][0]["note"], found["base_binary"]) == ("same binary", "a" * 64)
    noise = await site.json("/api/v1/boards/nucleo-1/noise")
    assert (noise["trials"], noise["false_alarms"]) == (1, 1)  # concluded three times, counted once
    [row] = noise["items"]
    assert (row["benchmark"], row["pairs"], row["needed"]) == ("boot", 8, 8)
    assert 0.002 < row["sigma"] < 0.015 and row["bias"] == pytest.approx(0.3, abs=0.02)


async def test_what_the_builder_says_of_the_binary_counts_more_than_the_file(site, lab):
    lie = {"env": {"binary_sha256": "a" * 64}}
    files = [json.dumps({**json.loads(native("boot", value)), **lie}).encode() for value in (1, *range(100, 108))]
    attempt = await lab.attempt(files, files, binaries=("a" * 64, "b" * 64))

    await ingest(site.deps, attempt)
    await comparing.conclude(site.deps, attempt)

    assert (await lab.told(attempt))["head_binary"] == "b" * 64


async def test_an_open_verdict_says_how_many_pairs_the_board_would_need(site, lab):
    random_ = random.Random(5)
    wild = [native("boot", 100 * random_.lognormvariate(0, 0.3)) for _ in range(17)]
    more = [native("boot", 100 * random_.lognormvariate(0, 0.3)) for _ in range(17)]
    equal = await lab.attempt(wild, more, outcome=None, commit=BASE)
    await comparing.look(site.deps, equal)
    [found] = (await site.json("/api/v1/comparisons"))["items"]
    await site.end(found["job_id"], equal, "passed")
    await ingest_result(equal, site.deps)

    attempt = await lab.attempt(wild, more)
    await ingest_result(attempt, site.deps)

    [row] = (await lab.told(attempt))["rows"]
    assert row["verdict"] == "undecided"
    assert row["note"].startswith("too noisy on this board: equal builds differ by ")


async def test_a_job_that_did_not_pass_keeps_what_its_looks_had_said(site, lab):
    attempt = await lab.attempt(noisy(100, 8), noisy(120, 8, seed=2), outcome=None)
    await comparing.look(site.deps, attempt)
    [found] = (await site.json("/api/v1/comparisons"))["items"]
    await site.end(found["job_id"], attempt, "cancelled")

    await ingest_result(attempt, site.deps)

    found = await lab.told(attempt)
    assert (found["is_over"], found["note"], found["pairs"]) == (True, "the job ended cancelled", 8)
    assert await site.series() == []


async def test_a_job_that_is_tried_again_begins_its_comparison_again(site, lab):
    lost = await lab.attempt(noisy(100, 8), noisy(120, 8, seed=2), outcome=None)
    await comparing.look(site.deps, lost)
    [found] = (await site.json("/api/v1/comparisons"))["items"]
    await site.end(found["job_id"], lost, "passed")
    again = await site.attempt(found["job_id"], "passed", epoch=2)
    for side in ("base", "head"):
        for pair, data in enumerate(noisy(100, 8)):
            await site.result(again, data, pair + (50 if side == "base" else 0), side=side, pair=pair)

    await ingest_result(again, site.deps)

    found = await lab.told(again)
    assert (found["pairs"], found["counts"]) == (8, {"unchanged": 1})


async def test_a_deleted_pipeline_takes_its_comparison_with_it(site, lab):
    attempt = await lab.attempt(noisy(100, 8), noisy(120, 8, seed=2))
    await ingest_result(attempt, site.deps)
    [found] = (await site.json("/api/v1/comparisons"))["items"]
    await site.admin()

    gone = await site.http.delete(f"/api/v1/pipelines/{found['pipeline_id']}")

    assert gone.status_code == 204, gone.text
    assert (await site.json("/api/v1/comparisons"))["items"] == []


async def apart(site, lab, base, head, **also):
    await site.measured(lab.repository, BASE, [native("boot", *base)])
    _, attempt = await site.measured(
        lab.repository, HEAD, [native("boot", *head)], pipeline={"compare_with": BASE, "pull_request": 7, **also}
    )
    return attempt


async def test_a_commit_measured_alone_is_held_against_what_is_known_of_its_base_and_fails_nothing(site, lab):
    attempt = await apart(site, lab, [100 + each / 10 for each in range(10)], [150 + each / 10 for each in range(10)])

    await ingest_result(attempt, site.deps)

    found = await lab.told(attempt)
    [row] = found["rows"]
    assert (found["kind"], found["is_over"], found["pairs"], row["fails"]) == ("apart", True, 0, False)
    assert (row["verdict"], row["note"]) == ("regressed", "not interleaved")


async def test_one_sample_on_a_side_is_shown_as_measured_once(site, lab):
    attempt = await apart(site, lab, [100], [150])

    await ingest_result(attempt, site.deps)

    [row] = (await lab.told(attempt))["rows"]
    assert (row["verdict"], row["change"]) == ("measured_once", pytest.approx(0.5))


async def test_a_base_that_is_measured_after_its_heads_is_compared_with_them_then(site, lab):
    await site.measured(lab.repository, HEAD, [native("boot", 5, 6)], pipeline={"compare_with": BASE})
    before = (await site.json("/api/v1/comparisons"))["items"]
    _, attempt = await site.measured(lab.repository, BASE, [native("boot", 5, 6)])

    await ingest_result(attempt, site.deps)

    assert before == []
    assert (await lab.told(attempt))["base"] == BASE


async def test_other_targets_and_unknown_bases_are_compared_with_nothing(site, lab):
    await site.measured(lab.repository, BASE, [native("boot", 1)], configuration="debug")
    _, attempt = await site.measured(lab.repository, HEAD, [native("boot", 2)], pipeline={"compare_with": BASE})

    await ingest_result(attempt, site.deps)

    assert (await site.json("/api/v1/comparisons"))["items"] == []
