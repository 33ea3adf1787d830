"""The overview: what happens now and last, counted and linked."""

from datetime import timedelta

from app.db.queries.builders import ALIVE_S
from app.db.queries.placing import GATES, PLACE
from app.web.pages import reasons
from tests.pages import scene
from tests.pages.site import NOW


async def test_boards_are_counted_as_their_own_pages_name_them(site):
    await scene.lab(site, commits=1)
    await site.board("old-1", "attic")
    attic = next(each for each in (await site.json("/api/v1/builders"))["items"] if each["name"] == "attic")
    await site.update("builder", attic["id"], seen_at=NOW - timedelta(seconds=2 * ALIVE_S))
    await site.board("looked-at", "lab-1", check_every_s=3600)
    await site.board("kept", "lab-1", held_until=NOW + timedelta(hours=1))

    view, builders = await site.json("/index.json"), await site.json("/builders.json")

    named: dict[tuple[str, str], int] = {}
    for each in builders["boards"]:
        named[each["availability"], each["health"]] = named.get((each["availability"], each["health"]), 0) + 1
    assert {(row["availability"], row["health"]): row["boards"] for row in view["standings"]} == named
    assert {how for how, _ in named} == {"busy", "free", "away", "held back", "to be checked"}


async def test_the_overview_shows_progress_reasons_verdicts_and_days(site):
    ids = await scene.lab(site, commits=12)
    yesterday = NOW - timedelta(days=1)
    await site.job(ids["mixed"], "failed", configuration="y", ended_at=yesterday, started_at=yesterday)

    page, view = await site.get("/"), await site.json("/index.json")

    assert '<a href="/pipelines?state=running">' in page and f'href="/jobs/{ids["running"]}"' in page
    assert sum(each["jobs"] for each in view["reasons"]) == 1
    assert 'href="/queue?reason=' in page and 'href="/builders?show=quarantined"' in page
    days = {each["day"]: each for each in view["days"]}
    assert days[yesterday.date().isoformat()]["failed"] == 1 and days[NOW.date().isoformat()]["passed"] >= 12
    assert f"/pipelines?since={yesterday.date().isoformat()}" in page


async def test_a_part_of_the_overview_comes_alone(site):
    await scene.lab(site, commits=1)

    part = await site.http.get("/", headers={"Rigline-Parts": "now"})

    assert 'data-region="now"' in part.text and "rpi4" in part.text
    assert 'data-region="last"' not in part.text and "<header" not in part.text


def test_whatever_a_job_can_wait_for_has_words():
    names = {each.name for each in (*GATES, *PLACE)}

    assert {each for each in names if not each.endswith("_cap")} <= set(reasons.WORDS)
