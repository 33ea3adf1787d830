"""What people do with alerts of histories: by the API, the commands and the pages."""

import asyncio
import json

import pytest
import sqlalchemy as sa

from app.db import tables
from app.results.ingest import ingest
from tests.cli.commands import rigline
from tests.pages.site import native, sha
from tests.pages.test_buttons import Forms, admitted, notice, press, said
from tests.results.lines import steady, stepped

PAGE = "/github/acme/firmware/alerts"


async def api(site, method, path, status=200, **body):
    answer = await site.http.request(method, f"/api/v1{path}", json=body or None)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def command(site, *words):
    token = site.http.headers.get("Authorization", "").removeprefix("Bearer ")
    return await rigline(*words, RIGLINE_URL=site.url, RIGLINE_TOKEN=token)


async def test_alerts_are_listed_and_read_by_everybody(history, site):
    await stepped(history, "draw", at=30, before=60, after=66, better="higher")
    await stepped(history, "boot", seed=9)

    listed = await api(site, "GET", "/shifts?repository=acme/firmware")
    shown = await api(site, "GET", f"/shifts/{listed['items'][0]['id']}")
    points = await api(site, "GET", f"/shifts/{shown['id']}/change-points")

    assert [each["benchmark"] for each in listed["items"]] == ["boot", "draw"]
    assert (shown["state"], shown["is_worse"], shown["until"]) == ("new", True, sha(40))
    assert shown["url"].endswith(f"{PAGE}/{shown['id']}")
    (point,) = points["items"]
    assert point["low"] < point["change"] < point["high"] and point["before"] == pytest.approx(100, rel=0.01)
    assert [each["benchmark"] for each in (await api(site, "GET", "/shifts?worse=true"))["items"]] == ["boot"]
    assert (await api(site, "GET", "/shifts?state=expected"))["items"] == []
    assert (await api(site, "GET", "/shifts?board_type=other"))["items"] == []


async def test_a_long_list_of_alerts_is_read_in_pages(history, site):
    for number, at in enumerate((20, 30, 40)):
        await stepped(history, f"b{number}", at=at, seed=number)

    first = await api(site, "GET", "/shifts?limit=2")
    second = await api(site, "GET", f"/shifts?limit=2&cursor={first['next']}")

    assert [len(first["items"]), len(second["items"]), second["next"]] == [2, 1, None]
    assert len({each["id"] for each in first["items"] + second["items"]}) == 3


async def test_a_judged_alert_says_who_said_what_and_why(history, site):
    await stepped(history)
    (alert,) = await history.alerts()
    await site.admin()

    told = await api(
        site, "POST", f"/shifts/{alert.id}", state="expected", reason="more features", link="https://example.org/7"
    )

    assert (told["state"], told["said_by"], told["reason"], told["link"]) == (
        "expected", "ada", "more features", "https://example.org/7"
    )  # fmt: skip
    assert told["closed_at"] is not None and told["agreed_change"] == pytest.approx(0.1, abs=0.01)
    assert (await api(site, "GET", "/shifts"))["items"] == []
    detail = f"alert {alert.id}, was new: reason more features; link https://example.org/7"
    assert await said(site, "shift.expected") == [("ada", detail)]
    again = await api(site, "POST", f"/shifts/{alert.id}", assignee="bob")
    assert (again["state"], again["reason"], again["assignee"]) == ("expected", "more features", "bob")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"state": "recovered"}, 409),
        ({"state": "gone"}, 422),
        ({"link": "javascript:alert(1)"}, 422),
        ({"reason": "x" * 2001}, 422),
        ({"reason": "a\0b"}, 422),
        ({"assignee": "a\nb"}, 422),
    ],
)
async def test_what_cannot_be_said_of_an_alert_is_refused(history, site, body, status):
    await stepped(history)
    (alert,) = await history.alerts()
    await site.admin()

    await api(site, "POST", f"/shifts/{alert.id}", status, **body)

    assert (await history.alerts())[0] == alert


async def test_judging_needs_a_token_and_an_alert(history, site):
    await api(site, "POST", "/shifts/7", 401, state="noise")
    await site.admin()
    await api(site, "POST", "/shifts/7", 404, state="noise")


async def test_a_person_and_the_worker_at_once_lose_no_word(history, site):
    boot = await stepped(history, count=10)
    (alert,) = await history.alerts()
    await site.admin()
    await history.measure(boot, steady(110, 1, seed=5), first=50)

    await asyncio.gather(history.analyse(), api(site, "POST", f"/shifts/{alert.id}", state="noise", reason="fan"))

    (after,) = await history.alerts()
    assert (after.state, after.said_by, after.reason) == ("noise", "ada", "fan")


async def test_a_new_alert_that_nobody_looks_at_for_a_week_is_overdue(history, site):
    await stepped(history)
    (alert,) = await history.alerts()
    assert not alert.is_overdue

    week = sa.text("interval '8 days'")
    async with site.deps.begin() as db:
        await db.execute(sa.update(tables.shift).values(opened_at=tables.shift.c.opened_at - week))

    assert [each["is_overdue"] for each in (await api(site, "GET", "/shifts?overdue=true"))["items"]] == [True]
    assert "1 overdue" in await site.get(PAGE)
    await history.say(alert.id, "acknowledged")
    assert (await api(site, "GET", "/shifts?overdue=true"))["items"] == []


async def test_a_muted_benchmark_raises_no_alarm_until_the_time_is_over(history, site):
    await stepped(history)
    await site.admin()

    await api(site, "POST", "/mutes", 201, repository="acme/firmware", benchmark="boot", days=3, reason="fan")

    (listed,) = (await api(site, "GET", "/mutes?repository=acme/firmware"))["items"]
    assert (listed["benchmark"], listed["said_by"], listed["reason"]) == ("boot", "ada", "fan")
    assert (await api(site, "GET", "/shifts?muted=false"))["items"] == []
    assert [each["is_muted"] for each in (await api(site, "GET", "/shifts"))["items"]] == [True]
    shown = await site.get(PAGE)
    assert "No history moved" in shown and "fan" in shown

    await site.update("mute", listed["id"], until_at=sa.func.now())
    assert len((await api(site, "GET", "/shifts?muted=false"))["items"]) == 1
    assert (await api(site, "GET", "/mutes"))["items"] == []


async def test_a_mute_of_a_board_type_mutes_an_alert_only_if_nothing_else_moved(history, site):
    await stepped(history)
    await stepped(history, board_type="stm32h7", seed=4)
    await site.admin()

    made = await api(site, "POST", "/mutes", 201, repository="acme/firmware", board_type="stm32h7", reason="fan")
    assert [each.is_muted for each in await history.alerts()] == [False]
    await api(site, "POST", "/mutes", 201, repository="acme/firmware", board_type="nucleo-f7", reason="fan")
    assert [each.is_muted for each in await history.alerts()] == [True]

    await api(site, "DELETE", f"/mutes/{made['id']}", 204)
    assert [each.is_muted for each in await history.alerts()] == [False]
    await api(site, "DELETE", f"/mutes/{made['id']}", 404)
    await api(site, "POST", "/mutes", 422, repository="acme/firmware", reason="everything")


async def test_annotations_are_made_listed_and_taken_back(history, site):
    await stepped(history)
    await site.admin()
    about = {"repository": "acme/firmware", "commit": sha(40), "kind": "toolchain", "text": "gcc 14", "cuts": True}

    made = await api(site, "POST", "/annotations", 201, **about)
    assert (made["commit"], made["kind"], made["said_by"], made["cuts"]) == (sha(40), "toolchain", "ada", True)
    await history.analyse()
    assert [each.state for each in await history.alerts()] == ["noise"]

    await api(site, "DELETE", f"/annotations/{made['id']}", 204)
    await history.analyse()
    assert [each.state for each in await history.alerts()] == ["new"]
    assert (await api(site, "GET", "/annotations?repository=acme/firmware"))["items"] == []
    await api(site, "POST", "/annotations", 404, **{**about, "commit": sha(999)})


async def test_commands_list_show_judge_and_mute(history, site):
    await stepped(history)
    (alert,) = await history.alerts()
    await site.admin()

    listed = await command(site, "alerts", "list", "--repo", "acme/firmware")
    shown = await command(site, "alerts", "show", str(alert.id))
    data = json.loads((await command(site, "alerts", "show", str(alert.id), "--json")).out)
    judged = await command(site, "alerts", "set", str(alert.id), "--state", "wont_fix", "--reason", "small")
    after = await command(site, "alerts", "list")

    assert listed.status == 1 and "boot" in listed.out and "+10." in listed.out.replace("+9.", "+10.")
    assert shown.status == 0 and "nucleo-f7" in shown.out
    assert data["items"][0]["benchmark"] == "boot"
    assert (judged.status, judged.out) == (0, f"alert {alert.id} is wont fix\n")
    assert after.status == 0 and "boot" not in after.out
    assert (await command(site, "alerts", "set", str(alert.id))).status == 2

    muted = await command(site, "alerts", "mute", "boot", "--repo", "acme/firmware", "--reason", "fan")
    assert muted.status == 0 and "fan" in (await command(site, "alerts", "muted")).out
    number = muted.out.split()[1]
    assert (await command(site, "alerts", "unmute", number)).status == 0
    assert (await command(site, "alerts", "unmute", number)).status == 1


async def test_commands_annotate_a_commit(history, site):
    await stepped(history)
    await site.admin()
    at = ("--repo", "acme/firmware", "--kind", "board", "--text", "new board")

    made = await command(site, "history", "annotate", sha(40), *at, "--board-type", "nucleo-f7")
    listed = await command(site, "history", "annotations", "--repo", "acme/firmware")
    gone = await command(site, "history", "unannotate", made.out.split()[1])

    assert (made.status, gone.status) == (0, 0)
    assert sha(40)[:10] in listed.out and "new board" in listed.out and "ada" in listed.out


async def test_the_page_lists_what_waits_for_somebody_and_leads_to_each(history, site):
    await stepped(history)
    (alert,) = await history.alerts()

    listed = await site.get(PAGE)
    data = await site.json(f"{PAGE}.json")

    assert f'href="{PAGE}/{alert.id}"' in listed and "worse" in listed and "1 new" in listed
    assert data["items"][0]["id"] == alert.id and data["counts"]["new"] == 1
    assert "No alert matches" in await site.get(f"{PAGE}?state=fixed")
    await site.get("/github/acme/other/alerts", 404)


async def test_an_alert_is_judged_on_its_page(history, site):
    await stepped(history)
    await stepped(history, "<b>draw</b>", seed=5)
    (alert,) = await history.alerts()
    page = f"{PAGE}/{alert.id}"
    assert "Judge this alert" in await site.get(page)
    await admitted(site)

    pressed = await press(site, page, f"{page}/say", state="infrastructure", reason="<i>fan</i>", link="")
    shown = await site.get(pressed.headers["location"])

    assert pressed.status_code == 303 and "until the change grows" in notice(shown)[0]
    assert "&lt;i&gt;fan" in shown and "<b>draw" not in shown
    (after,) = await history.alerts()
    assert (after.state, after.said_by, after.reason, after.change_points) == ("infrastructure", "ada", "<i>fan</i>", 2)
    refused = await press(site, page, f"{page}/say", link="ftp://x")
    assert refused.status_code == 422 and "http" in notice(refused.text)[0]
    assert f"{page}/say" in Forms(refused.text).forms


async def test_an_alert_is_not_found_below_another_repository(history, site):
    await stepped(history)
    (alert,) = await history.alerts()
    await site.repository("acme/other-one")

    await site.get(f"/github/acme/other-one/alerts/{alert.id}", 404)
    await site.get(f"{PAGE}/{alert.id + 1}", 404)


async def test_a_board_that_begins_to_measure_for_a_type_is_noted_once_by_itself(history, site):
    async def measured(number, board):
        await history.commits(number, 1)
        job = await site.job(await site.pipeline(history.repository, sha(number)), "passed")
        attempt = await site.attempt(job, "passed", board=board)
        await site.result(attempt, native("boot", 10 + number / 100))
        await ingest(site.deps, attempt)

    for number, board in enumerate(("nucleo-1", "nucleo-1", "nucleo-2", "nucleo-1", "nucleo-2")):
        await measured(number, board)
        await asyncio.gather(history.analyse(), history.analyse())

    (noted,) = (await api(site, "GET", "/annotations?repository=acme/firmware"))["items"]
    assert (noted["commit"], noted["kind"], noted["cuts"], noted["said_by"]) == (sha(2), "board", False, "rigline")
    assert (noted["text"], noted["board_type"]) == (
        "nucleo-2 begins to measure; before it was nucleo-1", "nucleo-f7"
    )  # fmt: skip
