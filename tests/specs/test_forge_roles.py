"""What rights on a forge are worth here: who may come in, and a role in each repository, as long as they last."""

import pytest
import sqlalchemy as sa

from app.db.queries import grants, repositories, tokens, users
from app.db.tables import account, forge_role, identity, session, token
from app.handlers import forge_roles
from app.rights import Role
from integrations.fake.world import FakeRepository
from integrations.forge import Permission
from tests.specs.test_forge_login import get, link, sign_in, signed_in
from tests.specs.test_forge_login import world as with_clients

world = with_clients  # a fixture


def set_up(world, **settings):
    object.__setattr__(world.deps, "settings", world.deps.settings.model_copy(update=settings))


async def roles(world):
    async with world.deps.begin() as db:
        found = await db.execute(sa.select(forge_role).order_by(forge_role.c.repository_id))
    return [row.role for row in found]


async def later(world, **ago):
    """Let time pass since the forge was asked, and the user do something."""
    past = sa.func.now() - sa.func.make_interval(0, 0, 0, 0, 0, ago.get("minutes", 6))
    async with world.deps.begin() as db:
        await db.execute(sa.update(identity).values(asked_at=past))
        await db.execute(sa.update(forge_role).values(confirmed_at=past))


def asked(world):
    return [call.path for call in world.forges.calls if "/collaborators/" in call.path or "/members/" in call.path]


@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_each_right_gives_its_role_in_that_repository(world, forge):
    set_up(world, roles_from_forge=True)
    await link(world, forge=forge)
    given = (Permission.ADMIN, Permission.MAINTAIN, Permission.WRITE, Permission.TRIAGE, Permission.READ)
    for number, right in enumerate(given):
        await world.serve(FakeRepository(600 + number, f"acme/of-{number}", private=True), forge)
        world.forges.grant(600 + number, "octo", right)

    await sign_in(world, forge)

    assert await roles(world) == ["maintainer", "maintainer", "committer", "observer", "observer"]
    async with world.deps.begin() as db:
        await db.execute(sa.update(account).values(role=None))
    seen = [(await get(world, f"/{forge}/acme/of-{number}")).status_code for number in range(len(given))]
    world.forges.grant(604, "octo", Permission.NONE)
    shown = (await get(world, "/account")).text
    await sign_in(world, forge)
    gone = (await get(world, f"/{forge}/acme/of-4")).status_code
    world.jar.clear()
    hidden = (await get(world, f"/{forge}/acme/of-3")).status_code

    assert (seen, gone, hidden) == ([200] * 5, 404, 404)
    assert f"of the rights on {forge}" in shown


async def test_what_an_admin_granted_counts_in_place_of_the_forges_word_and_stays(world):
    set_up(world, roles_from_forge=True)
    await link(world)
    world.forges.grant(world.repository.id, "octo", Permission.WRITE)
    async with world.deps.begin() as db:
        served = await repositories.by_name(db, "acme/firmware", forge="github")
        ada = await users.by_name(db, "ada")
        await grants.set_(db, ada["id"], served["id"], Role.OBSERVER, actor="root")
        await db.execute(sa.update(account).values(role=None))

    await sign_in(world)
    text = (await get(world, "/account.json")).json()["roles"]
    async with world.deps.begin() as db:
        made = await tokens.add(db, ada["id"], "mine", lifetime=None)
        owner = await tokens.owner(db, made[1])

    assert [(each["role"], each["by"]) for each in text] == [("committer", "forge"), ("observer", "grant")]
    assert owner["grants"][str(served["id"])] == "observer"


async def test_admins_see_whose_roles_come_from_a_forge_and_which_a_grant_replaces(world):
    set_up(world, roles_from_forge=True)
    await link(world)
    world.forges.grant(world.repository.id, "octo", Permission.MAINTAIN)
    await sign_in(world)
    async with world.deps.begin() as db:
        served = await repositories.by_name(db, "acme/firmware", forge="github")
        _, root = await tokens.add(
            db, await users.add(db, "root", password_hash=None, role=Role.ADMIN), "t", lifetime=None
        )
    world.http.headers["Authorization"] = f"Bearer {root}"

    [of_forge] = (await world.http.get("/api/v1/grants")).json()["items"]
    made = await world.http.put(f"/api/v1/users/ada/grants/{served['id']}", json={"role": "observer"})
    first = (await world.http.get("/api/v1/grants", params={"user": "ada", "limit": 1})).json()
    then = (await world.http.get("/api/v1/grants", params={"user": "ada", "cursor": first["next"]})).json()
    shown = " ".join((await world.http.get("/github/acme/firmware/settings")).text.split())

    told = ("user", "repository", "role", "by", "counts", "granted_by")
    assert [of_forge[name] for name in told] == ["ada", "acme/firmware", "maintainer", "forge", True, "github"]
    assert [made.json()[name] for name in told] == ["ada", "acme/firmware", "observer", "grant", True, "root"]
    assert [(each["by"], each["counts"]) for each in first["items"] + then["items"]] == [
        ("forge", False),
        ("grant", True),
    ]
    assert then["next"] is None
    assert "<td>maintainer</td><td>of the rights on github; a grant counts instead</td>" in shown
    assert "<td>observer</td><td>an admin granted it</td>" in shown


async def test_what_everybody_may_read_gives_nothing_and_lets_nobody_in(world):
    set_up(world, roles_from_forge=True, sign_in="repositories")

    stranger = await sign_in(world)

    assert (stranger.status_code, await roles(world), await signed_in(world)) == (403, [], [])
    assert "no rights on github in any repository" in stranger.text


async def test_who_has_rights_becomes_a_user_without_any_other_role_and_stays_the_same_one(world):
    set_up(world, roles_from_forge=True, sign_in="repositories")
    world.forges.grant(world.repository.id, "octo", Permission.WRITE)
    async with world.deps.begin() as db:
        await users.add(db, "octo", password_hash=None, role=Role.ADMIN)  # somebody else

    first, second = await sign_in(world), await sign_in(world)

    assert (first.status_code, second.status_code, await roles(world)) == (303, 303, ["committer"])
    [made] = [row for row in await world.rows(account) if row.name == "octo-github"]
    assert (made.role, made.password_hash) == (None, None)
    assert {row.user_id for row in await world.rows(session)} == {made.id}


async def test_rights_that_are_taken_away_end_roles_and_sessions_while_the_user_works(world):
    set_up(world, roles_from_forge=True, sign_in="repositories")
    account_id = world.forges.grant(world.repository.id, "octo", Permission.WRITE)
    await sign_in(world)
    del world.repository.members[account_id]
    before = len(asked(world))

    await forge_roles.refresh_due(world.deps)
    too_early = len(asked(world)) - before, await roles(world)
    await later(world)
    await forge_roles.refresh_due(world.deps)
    again = await sign_in(world)

    assert too_early == (0, ["committer"])
    assert (await roles(world), await signed_in(world), again.status_code) == ([], [], 403)


async def test_nobody_is_asked_about_who_rests(world):
    set_up(world, roles_from_forge=True)
    await link(world)
    world.forges.grant(world.repository.id, "octo", Permission.WRITE)
    await sign_in(world)
    await later(world)
    async with world.deps.begin() as db:
        for each in (session, token):
            await db.execute(sa.update(each).values(used_at=sa.text("now() - interval '7 minutes'")))
    before = len(asked(world))

    await forge_roles.refresh_due(world.deps)

    assert (len(asked(world)) - before, await roles(world)) == (0, ["committer"])


async def test_a_silent_forge_changes_nothing_for_a_day_and_known_users_come_in(world):
    set_up(world, roles_from_forge=True)
    await link(world)
    world.forges.grant(world.repository.id, "octo", Permission.WRITE)
    await sign_in(world)
    world.forges.fail(502, path="/collaborators/", times=9)

    known = await sign_in(world)
    await later(world)
    await forge_roles.refresh_due(world.deps)
    kept = await roles(world)
    await later(world, minutes=24 * 60 + 1)
    await forge_roles.refresh_due(world.deps)

    assert (known.status_code, kept, await roles(world)) == (303, ["committer"], [])


async def test_a_silent_forge_lets_nobody_in_whom_only_rights_let_in(world):
    set_up(world, sign_in="repositories")
    world.forges.grant(world.repository.id, "octo", Permission.WRITE)
    await sign_in(world)
    world.forges.fail(502, path="/collaborators/", times=9)

    assert (await sign_in(world)).status_code == 503


async def test_without_the_setting_rights_give_no_role_and_what_they_gave_before_ends(world):
    set_up(world, roles_from_forge=True)
    await link(world)
    world.forges.grant(world.repository.id, "octo", Permission.WRITE)
    await sign_in(world)
    set_up(world, roles_from_forge=False)

    await forge_roles.refresh_due(world.deps)

    assert await roles(world) == []
