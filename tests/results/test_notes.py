"""What a job's page says of its result files."""

import pytest

from tests.pages.site import sha
from tests.results.test_adapters import SAMPLES


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("go/verbose.txt", "6 measurements in format go, 1 line ignored"),
        ("hyperfine/failing.json", "0 measurements in format hyperfine; not measured: false: failed: exit code 1"),
        ("lvgl/skip.txt", "skipped: the board answered Skip; 0 measurements in format lvgl"),
        ("pattern/score.txt", "not understood: no known format; kept as it is"),
    ],
)
async def test_the_page_of_a_job_says_what_its_result_turned_out_to_be(site, name, note):
    repository = await site.repository()

    job, _ = await site.measured(repository, sha(1), [(SAMPLES / name).read_bytes()])

    assert note in (await site.http.get(f"/jobs/{job}")).text
    assert [each["note"] for each in (await site.json(f"/jobs/{job}.json"))["results"]] == [note]


async def test_run_phases_of_any_format_accumulate_their_samples(site):
    repository = await site.repository()
    files = [(SAMPLES / "time" / "posix.txt").read_bytes()] * 3

    await site.measured(repository, sha(1), files)

    assert {(point["metric"], len(point["samples"])) for point in await site.series()} == {
        ("real", 3), ("user", 3), ("sys", 3)
    }  # fmt: skip
