"""`rigline import` brings results from elsewhere: single files of one commit, and whole histories of other tools."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from app.results.adapters import FORMATS
from tests.api.service import HASH, Service
from tests.cli.commands import Ended, local, rigline

SAMPLES = Path(__file__).parents[1] / "results" / "samples"
GO = str(SAMPLES / "go" / "mem.txt")


def sha(number: int) -> str:
    return f"{number:040x}"


@pytest.fixture
async def served(service: Service) -> Service:
    """Serve acme/app besides."""
    body = {"forge": "github", "full_name": "acme/app", "id": 7, "clone_url": "https://git.example/acme/app.git"}
    (await service.local.post("/repositories", json=body)).raise_for_status()
    return service


async def bring(service: Service, *words: str) -> Ended:
    return await local(service, "import", *words, "--repository", "acme/app")


def last(ended: Ended) -> str:
    """Give the command's own line: the log of the service under test is on the same output."""
    return ended.out.splitlines()[-1]


async def series(service: Service, **query: Any) -> list[dict[str, Any]]:
    return (
        (await service.web.get("/series", params={"repository": "acme/app", **query}))
        .raise_for_status()
        .json()["items"]
    )


async def points(service: Service, one: dict[str, Any]) -> list[dict[str, Any]]:
    return (await service.web.get(f"/series/{one['id']}/points")).raise_for_status().json()["items"]


async def test_a_file_of_one_commit_becomes_measurements_and_the_same_again_makes_no_doubles(served: Service) -> None:
    words = (GO, "--commit", HASH, "--board-type", "nucleo", "--configuration", "release")

    first, again = await bring(served, *words), await bring(served, *words)

    assert (first.status, last(first)) == (0, "go: imported 8 measurements of 1 commit"), first.err
    assert (again.status, last(again)) == (0, "go: imported 0 measurements of 0 commits, 1 were here before")
    found = await series(served, benchmark="Join/n=8", metric="ns/op")
    assert [(each["board_type"], each["configuration"], each["branch"]) for each in found] == [
        ("nucleo", "release", "main")
    ]
    assert [(each["commit"], each["value"], each["samples"]) for each in await points(served, found[0])] == [
        (HASH, 69.92, 1)
    ]


async def test_the_same_file_of_another_commit_or_board_is_another_import(served: Service) -> None:
    await bring(served, GO, "--commit", sha(1), "--board-type", "a")

    second = await bring(served, GO, "--commit", sha(2), "--board-type", "a")
    third = await bring(served, GO, "--commit", sha(2), "--board-type", "b")

    assert [last(each) for each in (second, third)] == ["go: imported 8 measurements of 1 commit"] * 2
    (of_a,) = await series(served, benchmark="Join/n=8", metric="ns/op", board_type="a")
    assert [each["commit"] for each in await points(served, of_a)] == [sha(1), sha(2)]


def entry(number: int, value: float, day: int, tool: str = "customBiggerIsBetter") -> dict[str, Any]:
    commit = {
        "id": sha(number), "message": f"Change {number}\n\nmore", "timestamp": f"2024-03-{day:02}T10:00:00+02:00",
        "author": {"name": "Ada"}, "url": "https://example.org",
    }  # fmt: skip
    benches = [{"name": "frames", "value": value, "unit": "points", "range": "± 1"}]
    return {"commit": commit, "date": 1709280000000 + day, "tool": tool, "benches": benches}


async def test_the_data_file_of_github_action_benchmark_becomes_a_series_in_the_order_of_its_commits(
    served: Service, tmp_path: Path
) -> None:
    nameless = entry(9, 1, 9)
    nameless["commit"]["id"] = "HEAD"
    entries = {"Benchmark": [entry(3, 58, 5), entry(1, 61, 2), entry(2, 60, 3), nameless]}
    history = json.dumps({"lastUpdate": 1, "repoUrl": "https://example.org", "entries": entries}, indent=2)
    (tmp_path / "data.js").write_text(f"window.BENCHMARK_DATA = {history};")

    ended = await bring(served, str(tmp_path / "data.js"), "--board-type", "runner")

    assert (ended.status, last(ended)) == (
        0, "github-action-benchmark: imported 3 measurements of 3 commits, 1 named no commit"
    )  # fmt: skip
    (one,) = await series(served)
    assert (one["benchmark"], one["metric"], one["unit"], one["better"]) == ("frames", "value", "points", "higher")
    found = await points(served, one)
    assert [(each["value"], each["title"], each["committed_at"][:10]) for each in found] == [
        (61, "Change 1", "2024-03-02"), (60, "Change 2", "2024-03-03"), (58, "Change 3", "2024-03-05")
    ]  # fmt: skip


async def test_a_history_that_dates_a_commit_moves_what_was_measured_of_it_before(
    served: Service, tmp_path: Path
) -> None:
    (tmp_path / "now.json").write_text('[{"name": "frames", "unit": "points", "value": 59}]')
    (tmp_path / "data.js").write_text(json.dumps({"entries": {"Benchmark": [entry(3, 58, 5), entry(2, 60, 3)]}}))
    now = (str(tmp_path / "now.json"), "--commit", sha(2), "--format", "github-action-benchmark-bigger")
    await bring(served, *now, "--board-type", "runner")

    await bring(served, str(tmp_path / "data.js"), "--board-type", "runner")

    (one,) = await series(served)
    assert [each["commit"] for each in await points(served, one)] == [sha(2), sha(3)]


async def test_pages_show_what_was_imported_without_a_job(served: Service, tmp_path: Path) -> None:
    entries = {"Benchmark": [entry(number, 61 - number, number) for number in range(1, 8)]}
    (tmp_path / "data.js").write_text(json.dumps({"entries": entries}))
    await bring(served, str(tmp_path / "data.js"), "--board-type", "runner")

    pages = [await served.web.get(f"{served.url}/github/acme/app{path}") for path in ("", "/history")]
    shown = await local(served, "history", "show", "frames", "--repository", "acme/app")

    assert [page.status_code for page in pages] == [200, 200]
    assert "frames" in pages[1].text
    assert (shown.status, "frames" in shown.out) == (0, True)


async def test_an_archive_that_is_broken_or_locked_is_said(served: Service, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "results.zip", "w") as archive:
        archive.writestr("a.json", b"{}" * 100)
    broken = (tmp_path / "results.zip").read_bytes().replace(b"{}{}", b"{}[]")
    (tmp_path / "results.zip").write_bytes(broken)

    ended = await bring(served, str(tmp_path / "results.zip"))

    assert ended.status == 1 and "results.zip cannot be unpacked: Bad CRC-32" in ended.err


async def test_with_several_suites_their_names_begin_those_of_the_rows(served: Service, tmp_path: Path) -> None:
    entries = {"C++": [entry(1, 61, 2)], "Go": [entry(1, 12, 2, tool="go")]}
    (tmp_path / "data.json").write_text(json.dumps({"entries": entries}))

    await bring(served, str(tmp_path / "data.json"), "--board-type", "runner")

    assert {(each["benchmark"], each["better"]) for each in await series(served)} == {
        ("C++/frames", "higher"), ("Go/frames", None)
    }  # fmt: skip


def asv(folder: Path) -> None:
    (folder / "board").mkdir()
    (folder / "board" / "machine.json").write_text('{"machine": "board"}')
    described = {"b.Sorting.time_sorted": {"unit": "seconds", "param_names": ["n", "order"]}, "version": 2}
    (folder / "benchmarks.json").write_text(json.dumps(described))
    for name in ("quick", "samples"):
        (folder / "board" / f"{name}.json").write_bytes((SAMPLES / "asv" / f"{name}.json").read_bytes())


async def test_the_results_folder_of_asv_is_brought_with_its_machine_and_the_names_of_its_parameters(
    served: Service, tmp_path: Path
) -> None:
    asv(tmp_path)

    ended = await bring(served, str(tmp_path))

    assert (ended.status, last(ended)) == (0, "asv: imported 14 measurements of 2 commits"), ended.err
    found = await series(served, benchmark="b.Sorting.time_sorted", board_type="board")
    assert sorted((each["params"] for each in found), key=str) == [
        {"n": "10", "order": "'down'"}, {"n": "10", "order": "'up'"}, {"n": "100", "order": "'up'"}
    ]  # fmt: skip
    assert [each["samples"] for each in await points(served, found[0])] == [1, 6]


async def test_a_zip_file_of_the_folder_is_the_same_history(served: Service, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    asv(tmp_path / "results")
    with zipfile.ZipFile(tmp_path / "results.zip", "w") as archive:
        for each in sorted((tmp_path / "results").rglob("*.json")):
            archive.write(each, each.relative_to(tmp_path))
    await bring(served, str(tmp_path / "results"))

    ended = await bring(served, str(tmp_path / "results.zip"))

    assert last(ended) == "asv: imported 0 measurements of 0 commits, 2 were here before"


async def test_what_bencher_perf_gives_is_brought_with_branch_testbed_and_unit(served: Service, tmp_path: Path) -> None:
    def metric(number: int, value: float) -> dict[str, Any]:
        version = {"number": number, "hash": sha(number) if number else None}
        return {
            "report": f"r{number}", "iteration": 0, "start_time": f"2024-03-0{number + 1}T10:00:00Z",
            "version": version, "metric": {"uuid": "u", "value": value, "lower_value": None, "upper_value": None},
        }  # fmt: skip

    def result(measure: dict[str, str], *metrics: dict[str, Any]) -> dict[str, Any]:
        names = {"branch": {"name": "next"}, "testbed": {"name": "pi 4"}, "benchmark": {"name": "boot"}}
        return {**names, "measure": measure, "metrics": list(metrics)}

    latency = {"name": "Latency", "slug": "latency", "units": "nanoseconds (ns)"}
    current = {"name": "Current", "slug": "current", "units": "mA"}
    results = [result(latency, metric(1, 80), metric(2, 81), metric(0, 1)), result(current, metric(2, 12.5))]
    (tmp_path / "perf.json").write_text(json.dumps({"project": {"name": "app"}, "results": results}))

    ended = await bring(served, str(tmp_path / "perf.json"), "--better", "lower")

    assert (ended.status, last(ended)) == (0, "bencher: imported 3 measurements of 2 commits, 1 named no commit")
    assert [
        (each["branch"], each["board_type"], each["metric"], each["unit"], each["better"])
        for each in await series(served)
    ] == [("next", "pi 4", "current", "mA", "lower"), ("next", "pi 4", "latency", "ns", "lower")]


async def test_a_file_that_nobody_understands_is_refused_with_the_formats_that_are_known(
    served: Service, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("all was well\n")

    ended = await bring(served, str(tmp_path / "notes.txt"), "--commit", HASH, "--board-type", "nucleo")

    assert ended.status == 1
    assert "not understood: no known format" in ended.err
    assert all(name in ended.err for name in (*FORMATS, "Known histories: github-action-benchmark, bencher, asv"))


async def test_a_pattern_reads_what_no_adapter_knows(served: Service, tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("score 512\n")
    words = ("--commit", HASH, "--board-type", "nucleo", "--pattern", r"score (?P<value>\d+)", "--better", "higher")

    ended = await bring(served, str(tmp_path / "log.txt"), *words, "--benchmark", "game")

    assert ended.status == 0, ended.err
    assert [(each["benchmark"], each["better"]) for each in await series(served)] == [("game", "higher")]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--board-type", "a"), 2, "is a result in format go: say with --commit what it is of"),
        (("--commit", HASH), 2, "say it with --board-type"),
        (("--commit", HASH[:7], "--board-type", "a"), 2, "must be a full commit hash"),
        (("--commit", HASH, "--board-type", "a", "--format", "jmh"), 1, "not understood as jmh"),
    ],
)
async def test_what_is_missing_or_wrong_is_said(
    served: Service, words: tuple[str, ...], status: int, said: str
) -> None:
    ended = await bring(served, GO, *words)

    assert ended.status == status and said in ended.err


async def test_a_repository_that_is_not_served_is_said(served: Service) -> None:
    ended = await local(
        served, "import", GO, "--commit", HASH, "--board-type", "a", "--repository", "acme/other"
    )  # fmt: skip

    assert (ended.status, "There is no repository acme/other here." in ended.err) == (1, True)


async def test_only_an_admin_brings_results(served: Service) -> None:
    words = ("import", GO, "--commit", HASH, "--board-type", "a", "--repository", "acme/app", "--server", served.url)

    as_member = await rigline(*words, RIGLINE_TOKEN=await served.token())
    as_nobody = await rigline(*words)
    as_admin = await rigline(*words, RIGLINE_TOKEN=await served.token("admin"))

    assert [each.status for each in (as_member, as_nobody, as_admin)] == [2, 2, 0]
    assert await series(served, board_type="a")


async def test_the_api_refuses_what_is_too_large_and_what_is_unknown(served: Service) -> None:
    asked = {"repository": "acme/app", "commit": HASH, "board_type": "a", "configuration": "b"}

    large = await served.local.post("/imports", params=asked, content=b"x" * ((16 << 20) + 1))
    wrong = await served.local.post("/imports", params={**asked, "shelf": "1"}, content=b"x")
    alien = await served.local.post("/imports", params=asked, content=b"x")

    assert [each.status_code for each in (large, wrong, alien)] == [413, 422, 422]
    assert "Known formats: native, google-benchmark" in alien.json()["error"]["message"]
