"""A page not for everybody asks for a token, keeps it in the browser for an hour; no other site can use it."""

import re

import pytest

from app import sealed
from app.db.queries import tokens, users
from app.db.tables import audit, delivery
from app.rights import Role
from app.web import admission, tries
from integrations.fake import deliveries
from tests.specs.world import MAINTAINER, SECRET

HERE = "https://rigline.example"  # its public address
BUTTON = "/deliveries/{}/replay"


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    await world.receive(deliveries.github_push(world.repository, "a" * 40, SECRET, sender=world.person(MAINTAINER)))
    return world


async def token(world, role=Role.ADMIN, name="ada"):
    async with world.deps.begin() as db:
        user_id = await users.add(db, name, password_hash=None, role=role)
        return (await tokens.add(db, user_id, "test", lifetime=None))[1]


async def post(world, path, *, origin=HERE, cookie=None, **form):
    headers = {"Origin": origin} if origin else {}
    world.http.cookies.clear()
    return await world.http.post(path, data=form, headers=headers | cookie_header(cookie))


async def get(world, path, cookie=None):
    world.http.cookies.clear()
    return await world.http.get(path, headers=cookie_header(cookie))


def cookie_header(cookie):
    return {"Cookie": f"{admission.COOKIE}={cookie}".encode()} if cookie else {}


async def admitted(world, text):
    answer = await post(world, "/admission", token=text, to="/deliveries")
    assert answer.status_code == 303
    return re.match(rf"{admission.COOKIE}=([^;]+)", answer.headers["set-cookie"])[1]


async def button(world):
    [row] = await world.rows(delivery)
    return BUTTON.format(row.id)


async def replays(world):
    return [row.actor for row in await world.rows(audit) if row.action == "delivery.replayed"]


@pytest.mark.parametrize("page", ["/deliveries", "/deliveries/{}"])
async def test_pages_of_deliveries_are_for_whom_the_api_lets_read_them(world, page):
    [row] = await world.rows(delivery)
    page, cookie = page.format(row.id), await admitted(world, await token(world, Role.COMMITTER, "bob"))

    for path in (page, f"{page}.json", f"/api/v1{page}"):
        assert (await get(world, path)).status_code == 401
        assert row.key not in (await get(world, path)).text
    member = await get(world, page, cookie)
    assert (member.status_code, row.key in member.text) == (403, False)
    read = await get(world, page, await admitted(world, await token(world)))
    assert (read.status_code, read.headers["cache-control"], row.key in read.text) == (200, "no-store", True)


async def test_a_browser_gives_a_token_once_and_comes_back_to_the_page(world):
    asked = await get(world, "/deliveries?before=7")
    answer = await post(world, "/admission", token=await token(world), to="/deliveries?before=7")

    assert 'name="to" value="/deliveries?before=7"' in asked.text
    assert (answer.status_code, answer.headers["location"]) == (303, "/deliveries?before=7")
    kept = set(answer.headers["set-cookie"].split("; ")[1:])
    assert kept >= {"HttpOnly", "Secure", "SameSite=Strict", "Path=/", f"Max-Age={admission.LIFETIME_S}"}


@pytest.mark.parametrize("to", ["//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nX: y", ""])
async def test_it_leads_to_no_other_host(world, to):
    answer = await post(world, "/admission", token=await token(world), to=to)

    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_the_token_is_readable_nowhere_and_the_api_knows_no_cookie(world):
    text = await token(world)
    cookie = await admitted(world, text)

    secret = text.partition(".")[2]
    assert secret not in cookie and secret not in (await get(world, "/deliveries", cookie)).text
    assert (await get(world, "/api/v1/deliveries", cookie)).status_code == 401


async def test_a_cookie_that_is_forged_old_or_whose_token_was_revoked_admits_nobody(world, monkeypatch):
    text = await token(world)
    cookie = await admitted(world, text)
    forged = sealed.seal("another key", text).decode()

    assert (await get(world, "/deliveries", cookie)).status_code == 200
    for wrong in (forged, cookie[:-3] + "AAA", "x" * 5000, "é"):
        assert (await get(world, "/deliveries", wrong)).status_code == 401
    with monkeypatch.context() as later:
        later.setattr(admission, "LIFETIME_S", -1)
        assert (await get(world, "/deliveries", cookie)).status_code == 401
    async with world.deps.begin() as db:
        await tokens.revoke(db, int(text.removeprefix("rlu_").partition(".")[0]), user_id=None)
    assert (await get(world, "/deliveries", cookie)).status_code == 401


async def test_who_was_admitted_presses_a_button_without_the_token(world):
    cookie = await admitted(world, await token(world))

    answer = await post(world, await button(world), cookie=cookie)

    assert (answer.status_code, await replays(world)) == (303, ["ada"])


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
async def test_another_sites_form_presses_nothing_with_the_cookie(world, origin):
    cookie = await admitted(world, await token(world))

    answer = await post(world, await button(world), origin=origin, cookie=cookie)

    assert answer.status_code in (401, 403)
    assert await replays(world) == []


async def test_another_sites_form_admits_nobody(world):
    answer = await post(world, "/admission", origin="https://evil.example", token=await token(world))

    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


async def test_leaving_takes_the_cookie_back(world):
    answer = await post(world, "/admission/leave", cookie=await admitted(world, await token(world)))

    assert answer.status_code == 303
    assert re.match(rf'{admission.COOKIE}="?"?; .*Max-Age=0', answer.headers["set-cookie"])


async def test_tokens_are_not_guessed_for_long(world):
    wrong = [(await post(world, "/admission", token="rlu_1.x")).status_code for _ in range(tries.PER_ADDRESS + 1)]

    assert wrong == [401] * tries.PER_ADDRESS + [429]
    assert (await post(world, "/admission", token=await token(world))).status_code == 429
