"""Sign in with GitHub and GitLab in memory: a number says who it is, and only the browser that went comes back."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from app import sign_ins
from app.db.queries import tokens, users
from app.db.tables import audit, identity, session
from app.rights import Role
from app.web import admission
from app.web.pages import forge_login

FORGES = ("github", "gitlab")
CLIENT, SECRET = "client-1", "secret-of-the-client"
HERE = "https://rigline.example"


@pytest.fixture
async def world(world):
    more = {f"{forge}_client_id": CLIENT for forge in FORGES}
    more |= {f"{forge}_client_secret": SecretStr(SECRET) for forge in FORGES}
    settings = world.deps.settings.model_copy(update=more)
    object.__setattr__(world.deps, "settings", settings)
    object.__setattr__(world.deps, "sign_ins", sign_ins.from_settings(settings))
    world.forges.sign_in.clients[CLIENT] = (SECRET, f"{HERE}/login/")
    world.forges.sign_in.browser = "octo"
    world.forges.account("octo")
    async with world.deps.begin() as db:
        await users.add(db, "ada", password_hash=None, role=Role.ADMIN)
    world.jar = {}
    return world


async def get(world, path):
    """Ask as a browser that keeps cookies; those are Secure, and http would not send them."""
    world.http.cookies.clear()
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in world.jar.items())}
    answer = await world.http.get(path.removeprefix(HERE), headers=headers)
    for each in answer.headers.get_list("set-cookie"):
        name, value = re.match(r'([^=]+)="?([^;"]*)', each).groups()
        world.jar[name] = value
    return answer


async def at_the_forge(world, forge="github", to="/deliveries"):
    """Go to the forge, and give the address with which it sends the browser back."""
    gone = await get(world, f"/login/{forge}?to={to}")
    assert gone.status_code == 303
    answer = await world.http.get(gone.headers["location"])
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


async def sign_in(world, forge="github"):
    return await get(world, await at_the_forge(world, forge))


async def link(world, login="octo", forge="github"):
    local = {"Authorization": "Bearer " + await token(world)}
    answer = await world.http.post("/api/v1/users/ada/identities", json={"forge": forge, "login": login}, headers=local)
    assert answer.status_code == 201, answer.text


async def token(world):
    async with world.deps.begin() as db:
        ada = await users.by_name(db, "ada")
        return (await tokens.add(db, ada["id"], f"test-{len(await world.rows(audit))}", lifetime=None))[1]


async def signed_in(world):
    return [row.way for row in await world.rows(session) if row.revoked_at is None]


@pytest.mark.parametrize("forge", FORGES)
async def test_a_linked_account_signs_its_user_in_and_leads_back(world, forge):
    await link(world, forge=forge)

    answer = await sign_in(world, forge)
    read = await get(world, "/deliveries")

    assert (answer.status_code, answer.headers["location"], read.status_code) == (303, "/deliveries", 200)
    assert await signed_in(world) == [forge]
    asked = next(call for call in world.forges.calls if call.path.endswith("authorize")).query
    assert (asked["code_challenge_method"], asked["redirect_uri"]) == ("S256", f"{HERE}/login/{forge}/callback")
    assert SECRET not in str([call.query for call in world.forges.calls])
    assert [row.actor for row in await world.rows(audit) if row.action == "user.signed_in"] == ["ada"]


async def test_an_account_that_nobody_linked_is_told_what_an_admin_does(world):
    answer = await sign_in(world)

    [refused] = [row for row in await world.rows(audit) if row.action == "user.refused"]
    assert (answer.status_code, refused.actor, refused.detail) == (403, "", "by github as octo")
    assert "rigline admin link USER --forge github --login octo" in answer.text
    assert await signed_in(world) == []


async def test_the_number_counts_and_not_the_login(world):
    await link(world)
    world.forges.sign_in.renamed["octo"] = "octavia"
    await sign_in(world)
    [kept] = await world.rows(identity)
    world.forges.accounts["somebody-else"] = 666
    world.forges.sign_in.browser, world.forges.sign_in.renamed["somebody-else"] = "somebody-else", "octo"

    stranger = await sign_in(world)

    assert kept.login == "octavia"
    assert stranger.status_code == 403
    assert await signed_in(world) == ["github"]


async def test_only_the_browser_that_went_to_the_forge_comes_back_and_once(world):
    await link(world)
    of_another = await at_the_forge(world)
    world.jar.clear()
    nowhere = await get(world, of_another)
    back = await at_the_forge(world)
    forged = await get(world, back.replace("state=", "state=x"))
    errand = dict(world.jar)
    back = await at_the_forge(world)
    kept = dict(world.jar)
    first = await get(world, back)
    again = await get(world, back)
    world.jar = kept  # also if the browser had kept the cookie: the forge gives nothing for a code twice
    replayed = await get(world, back)
    other_forge = await get(world, (await at_the_forge(world)).replace("/github/", "/gitlab/"))

    assert [each.status_code for each in (nowhere, forged, first, again, replayed, other_forge)] == [
        403, 403, 303, 403, 403, 403,
    ]  # fmt: skip
    assert all("Begin again" in each.text for each in (nowhere, forged, again, replayed, other_forge))
    assert errand[f"{cookie_name(world)}_errand"] == ""
    assert await signed_in(world) == ["github"]


async def test_an_errand_lasts_ten_minutes_and_nobody_else_writes_one(world, monkeypatch):
    await link(world)
    back = await at_the_forge(world)
    errand = world.jar[f"{cookie_name(world)}_errand"]
    assert "verifier" not in errand and parse_qs(urlsplit(back).query)["state"][0] not in errand
    monkeypatch.setattr(forge_login, "LIFETIME_S", -1)
    late = await get(world, back)
    monkeypatch.undo()
    back = await at_the_forge(world)
    state = parse_qs(urlsplit(back).query)["state"][0]
    world.jar[f"{cookie_name(world)}_errand"] = json.dumps({"forge": "github", "state": state, "verifier": "x"})
    written = await get(world, back)

    assert (late.status_code, written.status_code, await signed_in(world)) == (403, 403, [])


async def test_who_says_no_is_away_or_blocked_is_said_on_the_page_to_sign_in(world):
    await link(world)
    await link(world, forge="gitlab")
    world.forges.sign_in.browser = None
    denied = await sign_in(world)
    world.forges.sign_in.browser = "octo"
    world.forges.fail(502, path="access_token")
    away = await sign_in(world)
    world.forges.sign_in.blocked.add("octo")
    blocked = await sign_in(world, "gitlab")

    assert [each.status_code for each in (denied, away, blocked)] == [403, 503, 403]
    assert "you said no" in denied.text and "Try again in a moment" in away.text and "blocked" in blocked.text
    assert all("Password" in each.text for each in (denied, away, blocked))
    assert await signed_in(world) == []


async def test_it_leads_to_no_other_site_and_to_no_forge_without_a_client(world):
    await link(world)
    back = await at_the_forge(world, to="//evil.example")
    object.__setattr__(world.deps, "sign_ins", {"github": world.deps.sign_ins["github"]})

    assert (await get(world, back)).headers["location"] == "/"
    assert (await get(world, "/login/gitlab")).status_code == 404
    assert "Sign in with GitLab" not in (await get(world, "/login/x.json")).text


async def test_a_user_links_an_account_and_unlinking_ends_what_began_with_it(world):
    answer = await world.http.post("/login", data={"token": await token(world)}, headers={"Origin": HERE})
    world.jar[cookie_name(world)] = answer.headers["set-cookie"].split("=", 1)[1].partition(";")[0]
    gone = await get(world, "/login/github?to=/account&link=1")
    linked = await get(world, (await world.http.get(gone.headers["location"])).headers["location"])
    page = (await get(world, "/account")).text
    world.jar.clear()
    await sign_in(world)
    before = await signed_in(world)
    headers = {"Authorization": f"Bearer {await token(world)}"}
    unlinked = await world.http.delete("/api/v1/users/ada/identities/github", headers=headers)

    assert (linked.status_code, linked.headers["location"], unlinked.status_code) == (303, "/account", 204)
    assert "<b><bdi>octo</bdi></b> signs in as you" in page
    assert (before, await signed_in(world)) == (["token", "github"], ["token"])
    assert await world.rows(identity) == []


def cookie_name(world):
    return admission.cookie_name(world.deps.settings, secure=True)
