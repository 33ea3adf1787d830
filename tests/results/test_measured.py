"""What was measured, as programs and terminals read it: series, points, results."""

import csv
import io
import json
from datetime import timedelta

import pytest

from app.results.ingest import ingest
from tests.cli.commands import rigline
from tests.pages.site import NOW, native, sha
from tests.results.shifted import commit_id, shift


async def history(site, repository, *, commits=6, **job):
    """Measure `draw` at commits 0 … n - 1: each value is 10 and its number."""
    for number in range(commits):
        file = native("draw", 10 + number, 9, 12 + number)
        await site.measured(repository, sha(number), [file], at=number, title=f"No. {number}", **job)


async def only_series(site):
    (row,) = (await site.json("/api/v1/series"))["items"]
    return row["id"]


async def test_points_come_in_commit_order_page_by_page_to_the_oldest_also_while_new_ones_arrive(site):
    repository = await site.repository()
    await history(site, repository, commits=5)
    points = f"/api/v1/series/{await only_series(site)}/points"

    newest = await site.json(f"{points}?limit=2")
    await site.measured(repository, sha(99), [native("draw", 1)], at=99, title="Newer")
    older = await site.json(f"{points}?limit=2&cursor={newest['next']}")
    oldest = await site.json(f"{points}?limit=2&cursor={older['next']}")

    assert [[each["title"] for each in page["items"]] for page in (oldest, older, newest)] == [
        ["No. 0"], ["No. 1", "No. 2"], ["No. 3", "No. 4"]
    ]  # fmt: skip
    assert oldest["next"] is None
    assert [each["change"] for each in oldest["items"]] == [None]
    assert older["items"][0]["change"] == pytest.approx(0.1)  # of 10 and 11: what lies on the page before counts


async def test_raw_samples_are_given_when_asked_for_and_as_csv(site):
    repository = await site.repository()
    await site.measured(repository, sha(1), [native("draw", 3, 1.5, 2)], at=1, title="=1+1")
    points = f"/api/v1/series/{await only_series(site)}/points"

    plain, full = await site.json(points), await site.json(f"{points}?samples=true")
    table = list(csv.DictReader(io.StringIO(await site.get(f"{points}.csv?samples=true"))))

    assert (plain["items"][0]["raw"], full["items"][0]["raw"]) == (None, [3, 1.5, 2])
    assert [(each["commit"], each["value"], each["raw"]) for each in table] == [(sha(1), "2.0", "3.0 1.5 2.0")]
    assert "=1+1" not in str(table)  # what strangers wrote could be a formula for a spreadsheet


async def test_points_are_not_sent_again_until_they_change(site):
    repository = await site.repository()
    await history(site, repository, commits=2)
    points = f"/api/v1/series/{await only_series(site)}/points"
    tag = (await site.http.get(points)).headers["ETag"]

    same = await site.http.get(points, headers={"If-None-Match": f'"other", W/{tag}'})
    await site.measured(repository, sha(9), [native("draw", 1)], at=9, title="Newer")
    changed = await site.http.get(points, headers={"If-None-Match": tag})

    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
    assert (changed.status_code, len(changed.json()["items"])) == (200, 3)


async def test_a_list_of_series_is_paged_without_doubles_and_gaps_while_series_come_and_go(site):
    repository = await site.repository()
    names = [f"b{number:02}" for number in range(20)]
    for number, name in enumerate(names[::2]):
        await site.measured(repository, sha(number), [native(name, 1)])
    read, cursor = [], ""
    for number in range(5):
        page = await site.json(f"/api/v1/series?repository=acme/firmware&limit=2{cursor}")
        read += [each["benchmark"] for each in page["items"]]
        await site.measured(repository, sha(50 + number), [native(names[number * 4 + 1], 1)])  # on the page just read
        cursor = f"&cursor={page['next']}"

    assert read == names[::2]
    assert (
        page["next"] is None
        or (await site.json(f"/api/v1/series?limit=50{cursor}"))["items"][0]["benchmark"] > read[-1]
    )


async def test_a_commit_gives_the_measurements_of_all_its_jobs_and_a_job_its_own(site):
    repository = await site.repository()
    skipped = {"benchmarks": [{"name": "blur", "status": "skipped", "reason": "no memory", "metrics": []}]}
    told = {"version": 1, "env": {"clock_mhz": 216, "binary_sha256": "9f2c"}, **skipped}
    job, _ = await site.measured(repository, sha(1), [native("draw", 3, 1, 2), json.dumps(told).encode()])
    await site.measured(repository, sha(1), [native("draw", 7)], configuration="debug")
    await site.measured(repository, sha(2), [native("draw", 9)])

    of_commit = await site.json(f"/api/v1/results?commit={sha(1)}&limit=1")
    rest = await site.json(f"/api/v1/results?commit={sha(1)}&cursor={of_commit['next']}")
    of_job = await site.json(f"/api/v1/results?job={job}&samples=true")
    debug = await site.json(f"/api/v1/results?commit={sha(1)}&configuration=debug&repository=acme/firmware")

    assert [each["value"] for each in of_commit["items"] + rest["items"]] == [2, 7]
    assert [(each["job_id"], each["samples"]) for each in of_job["items"]] == [(job, [3, 1, 2])]
    assert [each["value"] for each in debug["items"]] == [7]
    said = of_job["executions"][1]
    assert (said["unmeasured"], said["env"]) == ({"blur": "skipped: no memory"}, told["env"])
    for wrong in ("", f"?commit={sha(1)}&job={job}", "?commit=abc", f"?commit={sha(1)}&repository=no/such"):
        assert (await site.http.get(f"/api/v1/results{wrong}")).status_code in (404, 422)


async def test_what_git_says_later_of_a_commit_puts_its_points_in_their_place(site):
    repository = await site.repository()
    await history(site, repository, commits=3)
    _, attempt = await site.measured(repository, sha(7), [native("draw", 77)])  # known by its hash only: seen just now
    points = f"/api/v1/series/{await only_series(site)}/points"
    before = [each["value"] for each in (await site.json(points))["items"]]
    await site.update("commit", await commit_id(site, sha(7)), committed_at=NOW - timedelta(days=31))

    await ingest(site.deps, attempt)

    assert before == [10, 11, 12, 77]
    assert [each["value"] for each in (await site.json(points))["items"]] == [77, 10, 11, 12]


async def test_results_are_shown_as_a_table_as_json_and_as_csv(site):
    repository = await site.repository()
    skipped = {"name": "blur", "status": "failed", "reason": "\x1b[2Jno memory", "metrics": []}
    both = json.loads(native("draw", 3, 1, 2.5))
    both["benchmarks"].append(skipped)
    job, _ = await site.measured(repository, sha(1), [json.dumps(both).encode()])
    where = {"RIGLINE_URL": site.url}

    shown = await rigline("results", str(job), "--samples", **where)
    table = await rigline("results", "--commit", sha(1), "--csv", "--samples", **where)
    data = await rigline("results", "--commit", sha(1).upper(), "--metric", "time", "--json", **where)
    none = await rigline("results", "--commit", sha(1), "--benchmark", "no such", **where)
    wrong = await rigline("results", **where)

    assert "draw" in shown.out and "2.5" in shown.out and "1 … 3" in shown.out and "3 1 2.5" in shown.out
    assert f"Job {job}: blur was not measured: failed: no memory" in shown.out
    (row,) = csv.DictReader(io.StringIO(table.out))
    assert (row["benchmark"], row["value"], row["samples"]) == ("draw", "2.5", "3.0 1.0 2.5")
    assert json.loads(data.out)["items"][0]["value"] == 2.5
    assert none.out.startswith("Nothing was measured.")
    assert wrong.status == 2


async def test_a_history_is_a_line_with_marks_where_the_level_shifted(site):
    repository = await site.repository()
    for number in range(8):
        value = 10 if number < 4 else 20
        await site.measured(repository, sha(number), [native("draw", value)], at=number, title=f"No. {number}")
    await site.measured(repository, sha(70), [native("draw", 5)], pipeline={"pull_request": 7})
    series = (await site.json("/api/v1/series?branch=main"))["items"][0]["id"]
    await shift(site, repository, series, (sha(3), sha(4)))
    where = {"RIGLINE_URL": site.url}

    shown = await rigline("history", "draw", "--metric", "time", **where)
    short = await rigline("history", "draw", "--commits", "3", "--json", **where)
    pull = await rigline("history", "draw", "--branch", "pull/7", "--csv", **where)
    none = await rigline("history", "dra", **where)

    heading, bars, marks, summary, move = shown.out.splitlines()
    assert heading == "draw · time, lower is better · nucleo-f7/release · main"
    assert (bars, marks) == ("  ▁▁▁▁████  20 ms", "      ▲")
    assert summary == f"  8 commits, 10 … 20 ms, the latest {sha(7)[:10]} No. 7"
    assert move == f"  ▲ +100 % at {sha(4)[:10]}: 10 → 20 ms (new)"
    assert [each["value"] for each in json.loads(short.out)["items"][0]["items"]] == [20, 20, 20]
    assert [(each["commit"], each["value"]) for each in csv.DictReader(io.StringIO(pull.out))] == [(sha(70), "5.0")]
    assert (none.status, none.out) == (1, "")


async def test_the_overview_sums_series_up_by_group_metric_and_place(history, site):
    for benchmark in ("draw/arc/rounded", "draw/line", "boot", "/odd"):
        await history.learn(await history.series(benchmark), [10.0, 10.0, 20.0])
    await history.learn(await history.series("draw/line", identity="other", board_type="rpi4"), [5.0])
    await history.learn(await history.series("draw/line", identity="branch", branch="pull/1"), [5.0])

    page = json.loads(await site.get("/github/acme/firmware.json"))

    told = [(each["group"], each["board_type"], each["benchmarks"], each["drawn"]) for each in page["groups"]]
    assert told == [("", "nucleo-f7", 2, 2), ("draw", "nucleo-f7", 2, 2), ("draw", "rpi4", 1, 1)]
    assert page["groups"][1]["line"] == pytest.approx([1, 1, 2]) and page["more_groups"] == 0
