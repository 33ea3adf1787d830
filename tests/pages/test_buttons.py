"""The buttons of the pages, pressed as a browser without scripts presses them: the page's own forms over HTTP."""

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
import sqlalchemy as sa

from app.db import tables
from app.db.queries import tokens, users
from app.rights import Role
from builders.protocol import PROTOCOL
from tests.pages.site import NOW


class Forms(HTMLParser):
    """Collects the forms of a page: what address each leads to, and the fields with what stands in them."""

    def __init__(self, html):
        super().__init__()
        self.forms = {}
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form" and given.get("method") == "post":
            self.fields = self.forms[given["action"]] = {}
        if tag == "input" and self.forms and given.get("type") != "checkbox":
            self.fields[given.get("name")] = given.get("value", "")


async def admitted(site, role=Role.ADMIN, name="ada"):
    """Sign the browser in, as the page for that does."""
    async with site.deps.begin() as db:
        user_id = await users.add(db, name, password_hash=None, role=role)
        _, text = await tokens.add(db, user_id, "test", lifetime=None)
    site.http.headers["Origin"] = site.url
    await site.http.post("/login", data={"token": text})


async def forms(site, page):
    return Forms(await site.get(page)).forms


async def press(site, page, address, **filled):
    """Send a form that is on the page, filled in."""
    found = await forms(site, page)
    return await site.http.post(address, data={**found[address], **filled})


async def press_unseen(site, address):
    """Send the form of a button that no page shows (any more), as of a page of the same session."""
    return await site.http.post(address, data=(await forms(site, "/docs"))["/logout"])


async def board(site, name, **values):
    number = await site.board(name, **values)
    return {"page": "/builders/lab-1", "at": f"/builders/lab-1/boards/{name}", "id": number}


async def column(site, table, name, row_id):
    async with site.deps.begin() as db:
        return await db.scalar(sa.select(table.c[name]).where(table.c.id == row_id))


async def said(site, action):
    """Who did it, and what the audit trail says of it."""
    async with site.deps.begin() as db:
        rows = await db.execute(sa.select(tables.audit).where(tables.audit.c.action == action))
    return [(row.actor, row.detail) for row in rows]


def notice(html):
    return re.findall(r'role="(?:status|alert)" tabindex="-1" autofocus>(.*?)</p>', html)


def token_of(html):
    return re.search(r"RIGLINE_BUILDER_TOKEN=(rlb_\S+?)<", html)[1]


async def is_known(site, token):
    headers = {"Authorization": f"Bearer {token}", "Rigline-Protocol": str(PROTOCOL)}
    return (await site.http.post("/api/v1/builders/me/claim", headers=headers)).status_code != 401


async def test_a_builder_is_made_on_the_page_and_its_token_is_shown_this_once(site):
    await admitted(site)

    made = await press(site, "/builders", "/builders", name="shelf")

    token = token_of(made.text)
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    assert "rigline builder install USER@MACHINE --name shelf" in made.text
    assert token not in await site.get("/builders/shelf") + await site.get("/builders")
    assert await is_known(site, token)
    assert await said(site, "builder.created") == [("ada", "shelf")]


@pytest.mark.parametrize(
    ("name", "status", "told"),
    [
        ("lab-1", 409, "choose another name"),
        ("me", 422, "choose another name"),
        ("a b<i>", 422, "name: "),
        ("", 422, ""),
    ],
)
async def test_a_name_that_cannot_be_is_refused_on_the_page_with_the_form(site, name, status, told):
    await admitted(site)
    await site.board()

    answer = await press(site, "/builders", "/builders", name=name)

    assert answer.status_code == status
    assert told in notice(answer.text)[0] and "<i>" not in answer.text
    assert "/builders" in Forms(answer.text).forms
    assert len((await site.json("/builders.json"))["items"]) == 1


@pytest.mark.parametrize(
    ("action", "state", "told"),
    [("pause", "paused", "gets no new jobs"), ("drain", "draining", "its agent ends")],
)
async def test_a_builder_is_paused_or_drained_and_resumed(site, action, state, told):
    await admitted(site)
    await site.board()

    pressed = await press(site, "/builders/lab-1", f"/builders/lab-1/{action}")
    shown = await site.get(pressed.headers["location"])

    assert pressed.status_code == 303
    assert told in notice(shown)[0]
    assert (await site.json("/builders/lab-1.json"))["builder"]["state"] == state
    assert f"/builders/lab-1/{action}" not in Forms(shown).forms
    await press(site, "/builders/lab-1", "/builders/lab-1/resume")
    assert (await site.json("/builders/lab-1.json"))["builder"]["state"] == "active"
    assert [actor for each in (state, "active") for actor, _ in await said(site, f"builder.{each}")] == ["ada"] * 2


async def test_a_new_token_is_shown_once_and_a_reload_of_that_answer_makes_no_other(site):
    await admitted(site)
    first = token_of((await press(site, "/builders", "/builders", name="shelf")).text)
    form = (await forms(site, "/builders/shelf"))["/builders/shelf/rotate-token"]

    second = await site.http.post("/builders/shelf/rotate-token", data=form)
    again = await site.http.post("/builders/shelf/rotate-token", data=form)

    assert again.status_code == 409 and "since this page was loaded" in notice(again.text)[0]
    assert not await is_known(site, first)
    assert await is_known(site, token_of(second.text))
    assert [actor for actor, _ in await said(site, "builder.token_rotated")] == ["ada"]


async def test_a_revoked_token_is_refused_and_the_boards_wait_for_a_person(site):
    await admitted(site)
    token = token_of((await press(site, "/builders", "/builders", name="lab-1")).text)
    nucleo = await board(site, "nucleo")

    pressed = await press(site, nucleo["page"], f"{nucleo['page']}/revoke-token")

    assert not await is_known(site, token)
    shown = await site.get(pressed.headers["location"])
    assert "call it good" in notice(shown)[0] and "until somebody has looked" in shown
    await press(site, nucleo["page"], f"{nucleo['at']}/good", reason="reflashed")
    assert await column(site, tables.board, "health", nucleo["id"]) == "good"


async def test_a_builder_without_history_is_deleted_and_one_at_work_is_not(site):
    await admitted(site)
    await site.board("busy")
    job = await site.job(await site.pipeline(await site.repository()), "running")
    await site.attempt(job, board="busy")

    refused = await press(site, "/builders/lab-1", "/builders/lab-1/delete")
    await press(site, "/builders", "/builders", name="shelf")
    gone = await press(site, "/builders/shelf", "/builders/shelf/delete")

    assert refused.status_code == 409 and "Drain it" in notice(refused.text)[0]
    assert gone.headers["location"] == "/builders?done=deleted"
    assert [each["name"] for each in (await site.json("/builders.json"))["items"]] == ["lab-1"]
    assert await said(site, "builder.deleted") == [("ada", "shelf")]


async def test_a_board_is_checked_and_the_page_shows_the_state_and_what_the_check_printed(site):
    await admitted(site)
    nucleo = await board(site, "nucleo", check_every_s=86400)
    await site.insert("configuration", board_id=nucleo["id"], name="health", tags=[], is_check=True)

    await press(site, nucleo["page"], f"{nucleo['page']}/test")
    (check,) = (await site.json("/builders/lab-1.json"))["checks"].values()
    attempt = await site.attempt(check["id"], "failed", board="nucleo")
    await site.log(attempt, check["id"], b"sudo: a password is required\n")
    await site.end(check["id"], attempt, "failed", reason="run: exit code 1")

    shown = await site.get(nucleo["page"])
    assert check["state"] == "queued"
    assert "sudo: a password is required" in shown and "run: exit code 1" in shown


@pytest.mark.parametrize("button", ["/builders/lab-1/test", "/builders/lab-1/boards/nucleo/check"])
async def test_a_board_with_a_job_is_not_checked_and_the_page_says_which(site, button):
    await admitted(site)
    nucleo = await board(site, "nucleo", check_every_s=86400)
    seen = (await forms(site, nucleo["page"]))[button]  # while it was free
    job = await site.job(await site.pipeline(await site.repository()), "running")
    await site.attempt(job, board="nucleo")

    answer = await site.http.post(button, data=seen)

    assert answer.status_code == 409
    assert f"runs job {job}" in notice(answer.text)[0]
    assert button not in await forms(site, nucleo["page"])
    assert f"Busy with job {job}." in await site.get(nucleo["page"])


async def test_a_board_is_taken_out_with_a_reason_and_called_good_again(site):
    await admitted(site)
    nucleo = await board(site, "nucleo")

    without = await press(site, nucleo["page"], f"{nucleo['at']}/maintenance", reason=" ")
    await press(site, nucleo["page"], f"{nucleo['at']}/maintenance", reason="loose <b>cable</b>")

    assert without.status_code == 422 and "reason" in notice(without.text)[0]
    shown = await site.get(nucleo["page"])
    assert "loose &lt;b&gt;cable" in shown and "It gets no jobs while somebody works on it" in shown
    await press(site, nucleo["page"], f"{nucleo['at']}/good")
    assert await said(site, "board.good") == [("ada", "lab-1/nucleo")]


async def test_a_board_is_held_for_a_person_and_released(site):
    await admitted(site)
    nucleo = await board(site, "nucleo")

    endless = await press(site, nucleo["page"], f"{nucleo['at']}/hold", minutes="1e9")
    await press(site, nucleo["page"], f"{nucleo['at']}/hold", minutes="30", reason="scope")
    until = await column(site, tables.board, "held_until", nucleo["id"])

    assert endless.status_code == 422 and "minutes" in notice(endless.text)[0]
    assert timedelta(minutes=29) < until - datetime.now(UTC) <= timedelta(minutes=30)
    await press(site, nucleo["page"], f"{nucleo['at']}/release")
    assert await column(site, tables.board, "held_until", nucleo["id"]) is None
    await press(site, nucleo["page"], f"{nucleo['at']}/hold", minutes="5", on_failure="true")
    assert await column(site, tables.board, "hold_on_failure_s", nucleo["id"]) == 300


async def test_a_committer_cancels_and_retries_jobs_and_changes_no_builder(site):
    await admitted(site, Role.COMMITTER, "grace")
    await site.board()
    pipeline = await site.pipeline(await site.repository())
    job = await site.job(pipeline)

    cancelled = await press(site, f"/jobs/{job}", f"/jobs/{job}/cancel", reason="wrong branch")
    shown = await site.get(cancelled.headers["location"])
    retried = await press(site, f"/jobs/{job}", f"/jobs/{job}/retry")
    again = await press_unseen(site, f"/jobs/{job}/retry")

    assert "wrong branch" in shown and notice(shown)[0].startswith("Cancelled")
    assert retried.headers["location"] == f"/jobs/{job + 1}?done=retried%20job"
    assert again.status_code == 409 and "retried before" in notice(again.text)[0]
    assert [actor for actor, _ in await said(site, "job.retried")] == ["grace"]
    refused = await press_unseen(site, "/builders/lab-1/pause")
    assert refused.status_code == 403 and "grace is committer" in notice(refused.text)[0]
    assert "/builders/lab-1/pause" not in await forms(site, "/builders/lab-1")


async def test_a_whole_pipeline_is_cancelled_and_retried(site):
    await admitted(site, Role.COMMITTER)
    pipeline = await site.pipeline(await site.repository())
    for configuration in ("release", "debug"):
        await site.job(pipeline, configuration=configuration)
    page = f"/pipelines/{pipeline}"

    await press(site, page, f"{page}/cancel")
    after = await forms(site, page)
    await press(site, page, f"{page}/retry")

    assert f"{page}/cancel" not in after
    states = [(each["state"], each["replaced"]) for each in (await site.json(f"{page}.json"))["jobs"]]
    assert sorted(states) == [("cancelled", True)] * 2 + [("queued", False)] * 2


BUTTONS = [
    *(f"/builders/lab-1/{each}" for each in ("pause", "drain", "resume", "rotate-token", "revoke-token", "delete")),
    *(f"/builders/lab-1/boards/nucleo/{each}" for each in ("check", "good", "maintenance", "hold", "release")),
    *("/builders/lab-1/test", "/builders"),
    *(f"/{noun}/{{{noun}}}/{verb}" for noun in ("jobs", "pipelines") for verb in ("cancel", "retry")),
]


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null"])
async def test_no_button_can_be_pressed_from_another_site_or_by_nobody(site, origin):
    await admitted(site)
    await board(site, "nucleo")
    pipeline = await site.pipeline(await site.repository())
    ids = {"pipelines": pipeline, "jobs": await site.job(pipeline)}
    async with site.deps.begin() as db:
        before = await db.scalar(sa.select(sa.func.count()).select_from(tables.audit))
    del site.http.headers["Origin"]

    answers = [
        await site.http.post(each.format(**ids), headers={"Origin": origin} if origin else {}) for each in BUTTONS
    ]

    assert {each.status_code for each in answers} == {403}
    assert all("Not done" in each.text for each in answers)
    async with site.deps.begin() as db:
        assert await db.scalar(sa.select(sa.func.count()).select_from(tables.audit)) == before


async def test_who_is_not_known_sees_no_button_but_the_way_to_them(site):
    await site.board()

    found = await forms(site, "/builders/lab-1")

    assert found == {}
    assert "/login?to=/builders/lab-1" in await site.get("/builders/lab-1")


async def test_what_a_page_says_was_done_is_none_of_the_addresss_words(site):
    shown = await site.get("/builders?done=evil")

    assert "evil" not in shown.replace("/builders.json?done=evil", "").replace("/login?to=/builders%3Fdone%3Devil", "")


@pytest.mark.parametrize(
    "path", ["/builders/lab-1/explode", "/builders/lab-1/boards/nobody/good", "/builders/nobody/pause"]
)
async def test_a_button_that_is_not_there_is_not_found(site, path):
    await admitted(site)
    await site.board()

    assert (await press_unseen(site, path)).status_code == 404


async def test_an_address_that_is_nothing_and_one_of_a_button_say_so_in_our_words(site):
    assert "Nothing is at this address" in await site.get("/no/such/place/at/all", 404)
    assert "pressed on its page" in await site.get("/builders/lab-1/pause", 405)


async def test_a_forge_that_was_never_connected_says_how_to_connect_it(site):
    page, told = await site.get("/forges"), await site.json("/forges.json")

    assert page.count("not connected") == 2 and "RIGLINE_GITLAB_TOKEN" in page
    assert [(each["connected"], each["problem"]) for each in told["forges"]] == [(False, None)] * 2


async def test_a_builder_that_is_away_or_was_never_there_says_what_to_do(site):
    await admitted(site)
    await site.board()
    async with site.deps.begin() as db:
        await db.execute(tables.builder.update().values(seen_at=NOW - timedelta(minutes=5)))
    await press(site, "/builders", "/builders", name="shelf")

    assert "rigline-builder doctor" in await site.get("/builders/lab-1")
    assert "rigline builder install USER@MACHINE --name shelf" in await site.get("/builders/shelf")
