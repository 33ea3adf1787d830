"""A page not for everybody lets one sign in, and knows the browser by a session; no other site can use that."""

import re

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from app.db.queries import tokens, users
from app.db.tables import audit, delivery, session, token
from app.rights import Role
from app.web import admission, tries
from integrations.fake import deliveries
from tests.specs.world import MAINTAINER, SECRET

HERE = "https://rigline.example"  # its public address
BUTTON = "/deliveries/{}/replay"
PASSWORD = "correct horse battery"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)  # as strong ones, in no time


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    await world.receive(deliveries.github_push(world.repository, "a" * 40, SECRET, sender=world.person(MAINTAINER)))
    return world


async def user(world, role=Role.ADMIN, name="ada"):
    """Make a user with a password and a token; gives the token."""
    async with world.deps.begin() as db:
        user_id = await users.add(db, name, password_hash=CHEAP, role=role)
        return (await tokens.add(db, user_id, "test", lifetime=None))[1]


def cookie_name(world):
    return admission.cookie_name(world.deps.settings, secure=True)


async def post(world, path, *, cookie=None, headers=None, **form):
    world.http.cookies.clear()
    sent = {"Origin": HERE, **(headers or {})} | cookie_header(world, cookie)
    return await world.http.post(path, data=form, headers={name: value for name, value in sent.items() if value})


async def get(world, path, cookie=None):
    world.http.cookies.clear()
    return await world.http.get(path, headers=cookie_header(world, cookie))


def cookie_header(world, cookie):
    return {"Cookie": f"{cookie_name(world)}={cookie}".encode()} if cookie else {}


def cookie_of(world, answer):
    assert answer.status_code == 303, answer.text
    return re.match(rf"{cookie_name(world)}=([^;]+)", answer.headers["set-cookie"])[1]


async def signed_in(world, name="ada"):
    return cookie_of(world, await post(world, "/login", name=name, password=PASSWORD, to="/deliveries"))


async def button(world, cookie):
    """Give the address of a button, and what its form on the page holds."""
    [row] = await world.rows(delivery)
    page = (await get(world, f"/deliveries/{row.id}", cookie)).text
    return BUTTON.format(row.id), {"form": re.search(r'name="form" value="(\w+)"', page)[1]}


async def replays(world):
    return [row.actor for row in await world.rows(audit) if row.action == "delivery.replayed"]


async def move(world, table, **values):
    async with world.deps.begin() as db:
        await db.execute(sa.update(table).values(**values))


async def test_pages_of_deliveries_are_for_whom_the_api_lets_read_them(world):
    [row] = await world.rows(delivery)
    await user(world, Role.COMMITTER, "bob"), await user(world)
    bob, ada = await signed_in(world, "bob"), await signed_in(world)

    for page in ("/deliveries", f"/deliveries/{row.id}"):
        for path in (page, f"{page}.json", f"/api/v1{page}"):
            assert (await get(world, path)).status_code == 401
            assert row.key not in (await get(world, path)).text
        member = await get(world, page, bob)
        assert (member.status_code, row.key in member.text) == (403, False)
        read = await get(world, page, ada)
        assert (read.status_code, read.headers["cache-control"], row.key in read.text) == (200, "no-store", True)


async def test_who_signs_in_comes_back_to_the_page_with_a_cookie_that_no_script_and_no_other_site_gets(world):
    await user(world)
    asked = await get(world, "/deliveries?before=7")
    answer = await post(world, "/login", name="ada", password=PASSWORD, to="/deliveries?before=7")

    assert 'name="to" value="/deliveries?before=7"' in asked.text
    assert (answer.status_code, answer.headers["location"]) == (303, "/deliveries?before=7")
    name, *kept = re.split("; |=", answer.headers["set-cookie"], maxsplit=1)[0], answer.headers["set-cookie"]
    assert name.startswith("__Host-")
    assert set(kept[0].split("; ")[1:]) >= {"HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=2592000"}
    assert "Domain" not in kept[0]


async def test_it_leads_to_no_other_site(world):
    text = await user(world)

    for to in ("//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nX: y", ""):
        answer = await post(world, "/login", token=text, to=to)
        shown = await world.http.get("/login", params={"to": to})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert 'name="to" value="/"' in shown.text


async def test_the_session_is_readable_nowhere_and_the_api_knows_no_cookie(world):
    await user(world)
    cookie = await signed_in(world)
    [row] = await world.rows(session)

    assert cookie not in (await get(world, "/deliveries", cookie)).text
    assert cookie.encode() not in row.id_hash and cookie not in str(row)
    assert (await get(world, "/api/v1/deliveries", cookie)).status_code == 401


@pytest.mark.parametrize(
    "ended",
    [
        {"revoked_at": sa.func.now()},
        {"made_at": sa.text("now() - interval '31 days'"), "ends_at": sa.text("now() - interval '1 second'")},
        {"used_at": sa.text("now() - interval '72 hours 1 second'")},
    ],
    ids=["revoked", "at its absolute end", "idle"],
)
async def test_a_session_that_has_ended_lets_nobody_in(world, ended):
    await user(world)
    cookie = await signed_in(world)

    assert (await get(world, "/deliveries", cookie)).status_code == 200
    for wrong in (cookie[:-3] + "AAA", "x" * 5000, "é" * 43):
        assert (await get(world, "/deliveries", wrong)).status_code == 401
    await move(world, session, **ended)
    assert (await get(world, "/deliveries", cookie)).status_code == 401


async def test_a_session_by_a_token_ends_with_the_token(world):
    cookie = cookie_of(world, await post(world, "/login", token=await user(world)))

    assert (await get(world, "/deliveries", cookie)).status_code == 200
    await move(world, token, expires_at=sa.func.now())
    assert (await get(world, "/deliveries", cookie)).status_code == 401


async def test_the_last_use_of_a_session_is_written_at_most_once_a_minute(world):
    await user(world)
    cookie, seen = await signed_in(world), []
    for seconds in (30, 61):
        await move(world, session, used_at=sa.text(f"now() - interval '{seconds} seconds'"))
        [before] = await world.rows(session)
        await get(world, "/deliveries", cookie)
        [after] = await world.rows(session)
        seen.append(before.used_at != after.used_at)

    assert seen == [False, True]


async def test_who_is_signed_in_presses_a_button_of_the_page(world):
    await user(world)
    cookie = await signed_in(world)
    address, form = await button(world, cookie)

    answer = await post(world, address, cookie=cookie, **form)

    assert (answer.status_code, await replays(world)) == (303, ["ada"])


async def test_another_sites_form_presses_nothing_with_the_cookie(world):
    """Nor one that guesses the form's token, or brings that of another session, whatever the browser says of it."""
    foreign = (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": ""},
        {},
    )
    await user(world), await user(world, name="eve")
    cookie = await signed_in(world)
    address, mine = await button(world, cookie)
    _, of_eve = await button(world, await signed_in(world, "eve"))
    forged = ({}, {"form": "00" * 32}, {"form": "é"}, of_eve)

    sent = [await post(world, address, headers=each, cookie=cookie, **form) for each in foreign for form in forged]
    sent += [await post(world, address, headers=each, cookie=cookie, **mine) for each in foreign[:4]]

    assert {each.status_code for each in sent} == {403}
    assert await replays(world) == []


async def test_another_sites_form_signs_nobody_in_or_out(world):
    text = await user(world)
    cookie = await signed_in(world)
    evil = {"Origin": "https://evil.example"}

    begun = await post(world, "/login", headers=evil, token=text)
    ended = await post(world, "/logout", headers=evil, cookie=cookie)

    assert [(each.status_code, "set-cookie" in each.headers) for each in (begun, ended)] == [(403, False)] * 2
    assert (await get(world, "/deliveries", cookie)).status_code == 200


async def test_who_signs_out_leaves_a_cookie_that_is_worth_nothing(world):
    await user(world)
    cookie = await signed_in(world)
    _, form = await button(world, cookie)

    answer = await post(world, "/logout", cookie=cookie, **form)

    assert answer.status_code == 303
    assert re.match(rf'{cookie_name(world)}="?"?; .*Max-Age=0', answer.headers["set-cookie"])
    assert (await get(world, "/deliveries", cookie)).status_code == 401


async def test_signing_in_anew_ends_the_session_before(world):
    await user(world)
    first = await signed_in(world)

    second = cookie_of(world, await post(world, "/login", cookie=first, name="ada", password=PASSWORD))

    assert first != second
    assert [(await get(world, "/deliveries", each)).status_code for each in (first, second)] == [401, 200]


async def test_a_wrong_password_and_a_name_that_nobody_has_get_the_same_answer(world):
    await user(world)

    wrong, nobody = [(await post(world, "/login", name=each, password="x")) for each in ("ada", "eve")]

    assert wrong.status_code == nobody.status_code == 401
    assert wrong.text.replace("ada", "eve") == nobody.text
    assert "set-cookie" not in wrong.headers


async def test_passwords_and_tokens_are_not_guessed_for_long(world):
    text = await user(world)

    names = [(await post(world, "/login", name="ada", password="x")).status_code for _ in range(tries.PER_NAME + 1)]
    left = tries.PER_ADDRESS - len(names)
    wrong = [(await post(world, "/login", token="rlu_1.x")).status_code for _ in range(left + 1)]

    assert names == [401] * tries.PER_NAME + [429]
    assert wrong == [401] * left + [429]
    assert (await post(world, "/login", token=text)).status_code == 429
