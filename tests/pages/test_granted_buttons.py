"""Each page shows the buttons of what its visitor may do in that repository, and no others."""

import pytest
import sqlalchemy as sa

from app.db import tables
from app.db.queries import forge_roles, grants, tokens, users
from app.rights import GRANTED, IN_A_REPOSITORY, WHOLE, Right, Role, Scope, granted
from tests.pages.test_buttons import forms, press, press_unseen
from tests.pages.two_repositories import both

BUTTONS = {  # last word of a button's address → the right that it asks for
    "cancel": Right.CONTROL, "retry": Right.CONTROL, "approve": Right.APPROVE, "accept": Right.APPROVE,
    "say": Right.TRIAGE, "bisect": Right.DISPATCH, "backfill": Right.DISPATCH, "run": Right.DISPATCH,
    "delete": Right.CONFIGURE, "pause": Right.CONFIGURE, "caps": Right.CONFIGURE, "mute": Right.CONFIGURE,
}  # fmt: skip


@pytest.fixture
async def halves(site):
    """Give a public and a private repository that have something for each button."""
    found = await both(site)
    async with site.deps.begin() as db:
        for half in found:
            for name, number in (("asked", 3), ("waiting", 4)):
                of = sa.select(tables.pipeline.c.id).where(tables.pipeline.c.commit == half.sha(number))
                half.ids[name] = await db.scalar(of)
            runs = sa.select(tables.job.c.id).where(tables.job.c.pipeline_id == half.ids["asked"])
            half.ids["running"] = await db.scalar(runs.where(tables.job.c.state == "running"))
    return found


async def signed_in(site, role, *, name="ada", in_=(), only=None):
    """Sign a user in who was granted roles in repositories, with a token that may be for one repository only."""
    async with site.deps.begin() as db:
        user_id = await users.add(db, name, password_hash=None, role=role)
        for half, there in in_:
            await grants.set_(db, user_id, half.ids["repository_id"], there, actor="local")
        scope = WHOLE if only is None else Scope(repository_id=only.ids["repository_id"])
        _, text = await tokens.add(db, user_id, "test", lifetime=None, scope=scope)
    site.http.cookies.clear()
    site.http.headers["Origin"] = site.url
    assert (await site.http.post("/login", data={"token": text})).status_code == 303


def pages_of(half):
    """List the pages of a repository that have buttons."""
    at, ids = f"/github/{half.full_name}", half.ids
    return [
        *(f"/pipelines/{ids[name]}" for name in ("pipeline_id", "asked", "waiting")),
        *(f"/jobs/{ids[name]}" for name in ("job_id", "running")),
        f"{at}/alerts/{ids['shift_id']}", f"{at}/compare/{half.sha(1)}...{half.sha(3)}", f"{at}/settings",
        f"/schedules?repository={half.full_name}",
    ]  # fmt: skip


async def offered(site, half):
    """Read every page of a repository; give the last words of the addresses of its buttons."""
    found = set()
    for page in pages_of(half):
        if (await site.http.get(page)).status_code == 200:
            found |= {each.rpartition("/")[2] for each in await forms(site, page)}
    return found & BUTTONS.keys()


def buttons(rights):
    return {name for name, right in BUTTONS.items() if right in rights}


@pytest.mark.parametrize("role", GRANTED)
async def test_a_grant_shows_the_buttons_of_its_role_in_that_repository_and_none_elsewhere(site, halves, role):
    public, private = halves
    await signed_in(site, Role.OBSERVER, in_=[(public, role)])

    assert await offered(site, public) == buttons(granted(role))
    assert await offered(site, private) == set()


async def test_an_observer_who_maintains_one_repository_presses_there_and_is_refused_elsewhere(site, halves):
    public, private = halves
    await signed_in(site, Role.OBSERVER, in_=[(private, Role.MAINTAINER)])
    pipeline = f"/pipelines/{private.ids['asked']}"

    pressed = await press(site, pipeline, f"{pipeline}/cancel")
    approved = await press(site, f"/pipelines/{private.ids['waiting']}", f"/pipelines/{private.ids['waiting']}/approve")
    judged = [await press(site, page, f"{page}/say", state="acknowledged") for page in pages_of(private)[5:6]]
    paused = await press(site, "/schedules", f"/schedules/{private.ids['schedule_id']}/pause")
    settings = f"/github/{private.full_name}/settings"
    capped = await press(site, settings, f"{settings}/caps", repository="3")
    elsewhere = [
        await press_unseen(site, f"/pipelines/{public.ids['asked']}/cancel"),
        await press_unseen(site, f"/schedules/{public.ids['schedule_id']}/pause"),
        await press_unseen(site, f"/github/{public.full_name}/settings/caps"),
    ]

    assert [each.status_code for each in (pressed, approved, *judged, paused, capped)] == [303] * 5
    assert [each.status_code for each in elsewhere] == [403] * 3
    assert (await site.http.get(f"/github/{public.full_name}/settings")).status_code == 403


async def test_roles_differ_from_repository_to_repository(site, halves):
    public, private = halves
    await signed_in(site, Role.OBSERVER, in_=[(public, Role.MAINTAINER), (private, Role.COMMITTER)])

    assert await offered(site, public) == buttons(IN_A_REPOSITORY) == set(BUTTONS)
    assert await offered(site, private) == buttons(granted(Role.COMMITTER))
    assert "needs the role admin or maintainer or reviewer in this repository" in await site.get(
        f"/github/{private.full_name}/compare/{private.sha(1)}...{private.sha(3)}"
    )


async def test_a_maintainer_with_a_token_for_one_repository_sees_buttons_there_alone(site, halves):
    public, private = halves
    await signed_in(site, Role.MAINTAINER, only=public)

    assert await offered(site, public) == set(BUTTONS)
    assert await offered(site, private) == set()


async def test_a_grant_of_less_than_the_forge_says_takes_the_buttons_away(site, halves):
    public, private = halves
    await signed_in(site, Role.OBSERVER, in_=[(public, Role.OBSERVER)])
    async with site.deps.begin() as db:
        ada = (await users.by_name(db, "ada"))["id"]
        said = {half.ids["repository_id"]: Role.COMMITTER for half in halves}
        await forge_roles.replace(db, ada, "github", said)

    assert await offered(site, public) == set()
    assert await offered(site, private) == buttons(granted(Role.COMMITTER))


async def test_a_repositorys_page_leads_to_dispatch_and_settings_who_may_go_there(site, halves):
    public, private = halves
    ways = {}
    await signed_in(site, Role.OBSERVER, in_=[(public, Role.MAINTAINER), (private, Role.COMMITTER)])
    for half in halves:
        text = await site.get(f"/github/{half.full_name}")
        ways[half.word] = (f'"/dispatch?repository={half.full_name}"' in text, f"{half.full_name}/settings" in text)

    assert ways == {public.word: (True, True), private.word: (True, False)}


async def test_who_commits_to_one_repository_dispatches_there_from_the_page(site, halves):
    public, private = halves
    await signed_in(site, None, in_=[(private, Role.COMMITTER)])
    fields = {"kind": "run", "commit": "a" * 40}

    shown = await site.json("/dispatch.json")
    there = await press(site, "/dispatch", "/dispatch", repository=private.full_name, **fields)
    elsewhere = await press(site, "/dispatch", "/dispatch", repository=public.full_name, **fields)

    assert shown["repositories"] == [private.full_name]
    assert (there.status_code, elsewhere.status_code) == (303, 403)
