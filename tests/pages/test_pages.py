"""What people see on each page, with scripts switched off: the HTML as the service sends it."""

import re
from datetime import timedelta

import pytest

from app.db import tables
from app.db.queries import points
from tests.pages import measured, scene
from tests.pages.site import NOW, native, sha

NONSENSE = [
    *("/jobs/0", "/jobs/x", "/pipelines/99999999999999999999", "/no/such/place"),
    *("/builders/a%00b", "/builders/%ff", "/github/a%00/b"),
]
BOOT = "/github/acme/firmware/history?benchmark=boot&metric=time"
PAGES = ["/", "/pipelines", "/queue", "/builders", "/deliveries", "/alerts"]


@pytest.mark.parametrize(
    ("path", "taught"),
    [
        ("/", "rigline repo add"),
        ("/", "rigline builder create"),
        ("/pipelines", "rigline dispatch run"),
        ("/queue", "Nothing waits"),
        ("/builders", "rigline builder create"),
        ("/deliveries", "/webhooks/github"),
        ("/alerts", "Nothing to look at"),
    ],
)
async def test_an_empty_page_teaches_the_next_step(site, path, taught):
    await site.admin()

    assert taught in await site.get(path)


async def test_every_page_of_a_lab_with_a_past_is_served_with_its_data_as_json(site):
    ids = await scene.lab(site, commits=8)
    await site.admin()
    pages = [
        *PAGES[1:], f"/pipelines/{ids['mixed']}", f"/jobs/{ids['failed']}", "/builders/lab-1", "/github/acme/firmware",
        "/github/acme/firmware/history", "/gitlab/labs/graphics/renderer", "/gitlab/labs/graphics/renderer/history",
    ]  # fmt: skip

    for path in pages:
        html = await site.get(path)
        assert f'href="{path}.json"' in html
        assert isinstance(await site.json(f"{path}.json"), dict)

    assert 'href="/index.json"' in await site.get("/")
    assert (await site.json("/index.json"))["counts"] == {"awaiting_approval": 2, "queued": 1, "running": 1}


@pytest.mark.parametrize(
    "path",
    ["/pipelines/999", "/jobs/999", "/builders/nobody", "/github/nobody/nothing", "/github/nobody/nothing/history"],
)
async def test_what_is_not_there_is_a_page_that_says_so_or_json_for_programs(site, path):
    html = await site.get(path, 404)
    data = (await site.http.get(f"{path}.json")).json()

    assert "There is no" in html and "<nav" in html
    assert data["error"]["code"] == "not_found"


@pytest.mark.parametrize("path", NONSENSE)
async def test_a_nonsense_address_is_not_found_and_no_error_of_ours(site, path):
    await site.get(path, 404)


async def test_the_list_of_pipelines_is_filtered_by_its_query_string(site):
    first, second = await site.repository(), await site.repository("acme/graphics-engine")
    await site.job(await site.pipeline(first, sha(1), title="one"), "passed")
    await site.job(await site.pipeline(first, sha(2), title="two", branch="next"), "failed")
    await site.job(await site.pipeline(second, sha(3), title="three", pull_request=5), "queued")

    async def listed(query):
        return [each["title"] for each in (await site.json(f"/pipelines.json?{query}"))["items"]]

    assert await listed("") == ["three", "two", "one"]
    assert await listed("repository=acme/firmware") == ["two", "one"]
    assert await listed("state=failed") == ["two"]
    assert await listed("branch=next") == ["two"]
    assert await listed("pull_request=5") == ["three"]
    assert await listed(f"commit={sha(1)[:8]}") == ["one"]
    assert await listed("state=nonsense&pull_request=nonsense&branch=") == ["three", "two", "one"]
    assert await listed("repository=nobody/nothing") == []


async def test_a_long_list_goes_on_on_the_next_page(site):
    repository = await site.repository()
    for number in range(53):
        await site.pipeline(repository, sha(number), title=f"commit {number}")

    first = await site.get("/pipelines?repository=acme/firmware")
    older = re.search(r'href="(\?[^"]*)" rel="next"', first)[1].replace("&amp;", "&")
    second = await site.get(f"/pipelines{older}")

    assert "commit 52<" in first and "commit 3<" in first and "commit 2<" not in first
    assert "commit 2<" in second and "commit 3<" not in second
    assert "repository=acme%2Ffirmware" in older


async def test_a_pipeline_shows_its_jobs_with_states_and_reasons(site):
    ids = await scene.lab(site, commits=1)

    html = await site.get(f"/pipelines/{ids['mixed']}")

    assert "run: exit code 2: 3 of 118 checks failed" in html and "limit: 20 s from claim to end" in html
    for state in ("failed", "timed_out", "running", "queued"):
        assert f'data-state="{state}"' in html
    assert f'href="https://github.com/acme/firmware/commit/{sha(901)}"' in html
    assert "commit of the repository itself" in html


async def test_a_commit_that_nobody_trusted_shows_the_command_that_approves_exactly_it(site):
    ids = await scene.lab(site, commits=1)

    html = await site.get(f"/pipelines/{ids['fork']}")

    assert f"rigline pipeline approve {ids['fork']} --sha {sha(900)}" in html
    assert "It comes from a fork" in html


async def test_a_job_shows_phases_attempts_results_and_its_log(site):
    ids = await scene.lab(site, commits=1)

    html = await site.get(f"/jobs/{ids['failed']}")

    assert "31.2 s" in html and '<b class="bad">2</b>' in html
    assert '<span class="ansi-green">[ OK ]</span> check 1\n' in html
    assert '<span class="ansi-red bold">[FAIL]</span>' in html
    assert f'href="/api/v1/jobs/{ids["failed"]}/log"' in html
    assert "job.failed" in html


async def test_the_queue_names_board_types_that_no_builder_offers(site):
    pipeline = await site.pipeline(await site.repository())
    await site.board()
    await site.job(pipeline, board_type="nucleo-f7")
    await site.job(pipeline, board_type="ghost")

    html = await site.get("/queue")

    assert html.count("No builder offers a board of this type") == 1
    assert "Waiting for <bdi>ghost</bdi>" in html


async def test_a_builder_shows_its_boards_their_health_and_what_they_do_now(site):
    ids = await scene.lab(site, commits=2)

    builder = await site.get("/builders/shelf")
    everyone = await site.json("/builders.json")

    assert f'href="/jobs/{ids["running"]}"' in builder and "3 of 5 runs lost the serial line" in builder
    assert {each["name"]: each["availability"] for each in everyone["boards"]} == {
        "nucleo-1": "free", "nucleo-2": "free", "rpi4-a": "busy", "rpi4-b": "held back"
    }  # fmt: skip
    assert "hash" not in builder and "rlb_" not in builder


async def test_a_builder_that_stopped_asking_is_away_and_so_are_its_boards(site):
    await site.board()
    async with site.deps.begin() as db:
        await db.execute(tables.builder.update().values(seen_at=NOW - timedelta(minutes=5)))

    shown = await site.json("/builders.json")

    assert (shown["items"][0]["online"], shown["boards"][0]["availability"]) == (False, "away")


async def test_a_benchmark_has_a_chart_and_a_table_linked_to_commit_and_job(site):
    repository = await site.repository()
    jobs = [
        (await site.measured(repository, sha(number), [native("boot", value)], at=number, title=f"commit {number}"))[0]
        for number, value in enumerate((100, 101, 100, 99, 150))
    ]

    html = await site.get(BOOT)

    chart = re.search(r'<svg class="plot-svg".*?</svg>', html, re.S)[0]
    assert re.search(r'<path class="point" d="([^"]+)"', chart)[1].count("h0") == 5
    table = re.search(r'<details class="values">.*?</details>', html, re.S)[0]
    commits = re.findall(r'commit=([0-9a-f]{40})"', table)
    assert commits == [sha(number) for number in (4, 3, 2, 1, 0)]
    assert f'<a href="/jobs/{jobs[4]}">150</a>' in table


async def test_a_history_is_in_commit_order_whatever_the_order_of_the_runs(site):
    repository = await site.repository()
    for at in (3, 1, 2):
        await site.measured(repository, sha(at), [native("boot", at)], at=at, title=f"commit {at}")

    (listed,) = (await site.json("/github/acme/firmware/history.json"))["items"]
    rows = (await site.json(BOOT.replace("?", ".json?")))["items"]

    assert listed["points"] == [1, 2, 3]
    assert [row["cells"][0]["value"] for row in rows] == [3, 2, 1]


async def test_a_commit_measured_twice_is_one_point_with_all_samples(site):
    repository = await site.repository()
    await site.measured(repository, sha(1), [native("boot", 1, 2)], title="commit", at=1)
    latest, _ = await site.measured(repository, sha(1), [native("boot", 6)])

    view = await site.json(BOOT.replace("?", ".json?"))

    (cell,) = view["items"][0]["cells"]
    assert (cell["value"], cell["samples"], cell["low"], cell["high"], cell["job_id"]) == (2, [1, 2, 6], 1, 6, latest)
    assert view["series"][0]["latest"] == 2


async def test_a_history_is_filtered_by_branch_board_configuration_and_benchmark(site):
    repository = await site.repository()
    await site.measured(repository, sha(1), [native("boot", 1), native("draw", 2)])
    await site.measured(repository, sha(2), [native("boot", 3)], pipeline={"branch": "next"})
    await site.measured(repository, sha(3), [native("boot", 4)], board_type="rpi4", configuration="debug")

    async def shown(query):
        items = (await site.json(f"/github/acme/firmware/history.json?{query}"))["items"]
        return [(each["benchmark"], each["branch"], each["board_type"], each["configuration"]) for each in items]

    usual = ("boot", "main", "nucleo-f7", "release")
    on_pi, draw = ("boot", "main", "rpi4", "debug"), ("draw", "main", "nucleo-f7", "release")
    assert await shown("") == [usual, on_pi, draw]
    assert await shown("branch=next") == [("boot", "next", "nucleo-f7", "release")]
    assert await shown("board_type=rpi4") == [on_pi] == await shown("configuration=debug")
    assert await shown("benchmark=draw") == [draw] == await shown("q=RA")
    assert await shown("sort=-name") == [draw, usual, on_pi]
    assert len(await shown("branch=*")) == 4
    assert "Nothing measured matches" in await site.get("/github/acme/firmware/history?benchmark=none")


async def test_a_history_of_many_series_is_paged_and_of_many_commits_is_cut(site):
    repository = await site.repository()
    await site.measured(repository, sha(1), [native(f"b{number:03}", 1) for number in range(130)], at=1, title="one")
    for number in range(2, 6):
        await site.measured(repository, sha(number), [native("b000", number)], at=number, title="more")

    first = await site.json("/github/acme/firmware/history.json")
    second = await site.json(f"/github/acme/firmware/history.json?after={first['next']}")
    cut = await site.json("/github/acme/firmware/history.json?benchmark=b000&metric=time&commits=3")

    assert (len(first["items"]), len(second["items"]), second["next"]) == (100, 30, None)
    assert [row["cells"][0]["value"] for row in cut["items"]] == [5, 4, 3] and cut["more_commits"]


async def test_the_api_gives_series_and_their_points(site):
    repository = await site.repository()
    for number in (1, 2):
        await site.measured(repository, sha(number), [native("boot", number * 10)], at=number, title="x")

    listed = await site.json("/api/v1/series?repository=acme/firmware&benchmark=boot")
    points = await site.json(f"/api/v1/series/{listed['items'][0]['id']}/points")

    assert (listed["items"][0]["repository"], listed["next"]) == ("acme/firmware", None)
    assert [(each["commit"], each["value"], each["change"]) for each in points["items"]] == [
        (sha(1), 10, None), (sha(2), 20, 1.0)
    ]  # fmt: skip
    assert (await site.http.get("/api/v1/series/999/points")).status_code == 404


async def test_pages_are_small_and_name_no_other_host(site):
    await scene.lab(site, commits=30)
    await site.admin()

    for path in (*PAGES, "/github/acme/firmware", "/github/acme/firmware/history"):
        html = await site.get(path)
        loaded = re.findall(r'(?:src|srcset)="([^"]+)"|<link[^>]+href="([^"]+)"', html)
        assert all((src or href).startswith(("/", "data:image/")) for src, href in loaded), loaded
        assert "<script>" not in html and " onclick" not in html


async def test_the_points_of_many_series_are_in_commit_order(site):
    made = await measured.history(site, commits=60)
    ids = list(made.series)
    for name in ("blend", "text", "image"):
        ids += await measured.more(site, made, name)

    async with site.deps.begin() as db:
        columns = await points.latest(db, [ids[each * 7 % 20] for each in range(20)], commits=40)

    assert [each.commit_ids for each in columns] == [made.commits[20:]] * 20


async def test_pages_are_sent_compressed_unless_they_show_a_secret_or_are_small(site):
    await measured.history(site, commits=30, targets=1)
    builder = {"name": "shelf"}
    site.http.headers["Origin"] = site.url

    page = await site.http.get(BOOT.replace("boot", "draw/arc/rounded").replace("=time", "=fps"))
    plain = await site.http.get("/pipelines", headers={"Accept-Encoding": "identity"})
    secret = await site.http.post("/builders", data=builder, headers=await site.admin())
    style = await site.http.get("/static/style.css")

    assert page.headers["content-encoding"] == style.headers["content-encoding"] == "gzip"
    assert page.headers["vary"] == "Accept-Encoding" and "</html>" in page.text
    assert int(page.headers["content-length"]) < len(page.content) / 3
    assert "content-encoding" not in plain.headers and plain.headers["vary"] == "Accept-Encoding"
    assert secret.headers["cache-control"] == "no-store" and "content-encoding" not in secret.headers


async def test_a_file_named_by_its_content_is_kept_for_a_year_and_no_other(site):
    """A page names its style sheet with the hash of its content; an older page's name for it must not stay."""
    address = re.search(r"/static/style\.css\?v=\w+", (await site.http.get("/pipelines")).text)
    assert address is not None

    named = await site.http.get(address[0])
    others = [await site.http.get(f"/static/style.css{query}") for query in ("", "?v=0123456789")]

    assert named.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert not any("immutable" in each.headers.get("cache-control", "") for each in others)
