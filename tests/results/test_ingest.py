"""Result files of finished jobs become points of series, once."""

import json

import pytest

from app.results.ingest import ingest
from tests.pages.site import native, sha


async def test_a_passed_job_gives_one_measurement_per_series_with_the_median_of_its_samples(site):
    repository = await site.repository()

    _, attempt = await site.measured(repository, sha(1), [native("boot", 9, 1, 2, 3)])

    (point,) = await site.series()
    assert (point["benchmark"], point["branch"], point["board_type"], point["configuration"]) == (
        "boot", "main", "nucleo-f7", "release"
    )  # fmt: skip
    assert (point["value"], point["samples"], point["attempt_id"]) == (2.5, [9, 1, 2, 3], attempt)


async def test_reading_the_same_attempt_twice_changes_nothing(site):
    repository = await site.repository()
    _, attempt = await site.measured(repository, sha(1), [native("boot", 8, 9)])
    before = await site.series()

    assert await ingest(site.deps, attempt) == 1

    assert await site.series() == before


async def test_samples_of_repeated_run_phases_and_of_repeated_names_accumulate(site):
    repository = await site.repository()
    twice = json.loads(native("boot", 3))
    twice["benchmarks"] *= 2

    await site.measured(repository, sha(1), [native("boot", 1, 2), json.dumps(twice).encode()])

    (point,) = await site.series()
    assert point["samples"] == [1, 2, 3, 3]


async def test_a_changed_unit_starts_a_new_series(site):
    repository = await site.repository()

    await site.measured(repository, sha(1), [native("boot", 8, unit="ms")])
    await site.measured(repository, sha(2), [native("boot", 8000, unit="cycles")])
    await site.measured(repository, sha(3), [native("boot", 8, unit="kB")])
    await site.measured(repository, sha(4), [native("boot", 8, unit="B")])

    assert [(point["unit"], point["samples"]) for point in await site.series()] == [
        ("ms", [8]), ("cycles", [8000]), ("kB", [8]), ("B", [8])
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "then", "samples", "kept"),
    [
        ("ms", "s", [0.008, 0.0081], [8, 8.1]),
        ("ns", "µs", [8.25], [8250]),
        ("s", "us", [250_000], [0.25]),
        ("B", "KiB", [2, 2.5], [2048, 2560]),
        ("MiB", "B", [3 << 19], [1.5]),
    ],
)
async def test_a_tool_that_goes_from_ns_to_us_goes_on_with_its_series_in_the_unit_it_began_with(
    site, first, then, samples, kept
):
    repository = await site.repository()
    await site.measured(repository, sha(1), [native("boot", 1, unit=first)])

    await site.measured(repository, sha(2), [native("boot", *samples, unit=then)])

    one, other = await site.series()
    assert one["series_id"] == other["series_id"]
    assert (other["unit"], other["samples"]) == (first, kept)


@pytest.mark.parametrize("outcome", ["failed", "errored", "timed_out", "cancelled"])
async def test_the_file_of_a_job_that_did_not_pass_is_kept_but_not_measured(site, outcome):
    repository = await site.repository()
    data = native("boot", 8)

    job, _ = await site.measured(repository, sha(1), [data], outcome=outcome)

    assert await site.series() == []
    (result,) = (await site.json(f"/jobs/{job}.json"))["results"]
    assert result["note"] == f"1 measurement in format native; kept, not measured: the job ended {outcome}"
    assert (await site.http.get(f"/api/v1/jobs/{job}/result")).content == data


async def test_a_pull_request_has_a_branch_of_its_own_and_a_bare_dispatch_the_empty_one(site):
    repository = await site.repository()

    await site.measured(repository, sha(1), [native("boot", 1)], pipeline={"pull_request": 7, "branch": "patch"})
    await site.measured(repository, sha(2), [native("boot", 1)], pipeline={"branch": None})

    assert [point["branch"] for point in await site.series()] == ["pull/7", ""]


async def test_a_file_that_is_not_understood_is_kept_verbatim_with_the_reason(site):
    repository = await site.repository()
    data = b'{"version": 1, "benchmarks": [{"name": "boot", "metrics": [{"samples": [NaN]}]}]}'

    job, _ = await site.measured(repository, sha(1), [data, b"41% CPU\n"])

    shown = (await site.json(f"/jobs/{job}.json"))["results"]
    assert [each["note"] for each in shown] == [
        "not understood as native: line 1: NaN is not a number that can be measured",
        "not understood: no known format; kept as it is",
    ]
    assert (await site.http.get(f"/api/v1/jobs/{job}/result")).content == data


async def test_an_execution_that_says_that_it_failed_gives_no_point(site):
    repository = await site.repository()
    data = json.loads(native("boot", 8)) | {"status": "failed", "reason": "sensor lost"}

    job, _ = await site.measured(repository, sha(1), [json.dumps(data).encode()])

    assert await site.series() == []
    assert (await site.json(f"/jobs/{job}.json"))["results"][0][
        "note"
    ] == "failed: sensor lost; 1 measurement in format native"


async def test_an_attempt_that_is_still_open_is_left_alone(site):
    pipeline = await site.pipeline(await site.repository())
    attempt = await site.attempt(await site.job(pipeline, "running"))
    await site.result(attempt, native("boot", 8))

    assert await ingest(site.deps, attempt) == 0

    assert await site.series() == []


async def test_reading_again_takes_over_what_came_to_light_since(site):
    repository = await site.repository()
    _, attempt = await site.measured(repository, sha(1), [native("boot", 8)])
    await site.result(attempt, native("boot", 10), number=1)

    await ingest(site.deps, attempt)

    (point,) = await site.series()
    assert (point["value"], point["samples"]) == (9, [8, 10])
