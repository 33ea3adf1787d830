"""The address in the audit, the list of sessions and the limit of tries: a trusted proxy's word, nobody else's."""

from ipaddress import ip_network

import pytest
import sqlalchemy as sa

from app.db import tables
from app.web.tries import PER_NAME
from tests.pages.site import running
from tests.pages.test_people import PASSWORD, member

CLIENT, OTHER = "203.0.113.9", "203.0.113.10"


@pytest.fixture
async def behind(settings, request):
    """Serve, with a list of proxies that are trusted; the tests ask from 127.0.0.1."""
    chosen = settings.model_copy(update={"trusted_proxies": tuple(map(ip_network, request.param))})
    async with running(chosen) as site:
        await member(site)
        yield site


trusting = pytest.mark.parametrize("behind", [["127.0.0.0/8"]], indirect=True)
trusting_others = pytest.mark.parametrize("behind", [[], ["10.0.0.0/8"]], indirect=True)


async def sign_in(site, password=PASSWORD, **headers):
    site.http.cookies.clear()
    site.http.headers["Origin"] = site.url
    form = {"name": "grace", "password": password}
    return (await site.http.post("/login", data=form, headers=headers)).status_code


def forwarded(*addresses):
    return {"X-Forwarded-For": ", ".join(addresses), "Remote-Addr": "6.6.6.6", "Forwarded": "for=6.6.6.6"}


async def origins(site):
    async with site.deps.begin() as db:
        rows = await db.execute(sa.select(tables.audit.c.action, tables.audit.c.origin).order_by(tables.audit.c.id))
    return [tuple(row) for row in rows]


async def seen_at(site, **headers):
    """Look at one's sessions after a while, from where the headers say; give the address of this one."""
    async with site.deps.begin() as db:
        long_ago = sa.func.now() - sa.text("interval '5 minutes'")
        await db.execute(sa.update(tables.session).values(used_at=long_ago))
    [session] = (await site.http.get("/account.json", headers=headers)).json()["sessions"]
    return session["address"]


@trusting
async def test_what_a_trusted_proxy_says_is_written_down(behind):
    await sign_in(behind, "a wrong password", **forwarded("6.6.6.6", CLIENT))
    await sign_in(behind, **forwarded("6.6.6.6", CLIENT))
    [first] = (await behind.http.get("/account.json", headers=forwarded(CLIENT))).json()["sessions"]

    assert await origins(behind) == [("user.refused", CLIENT), ("user.signed_in", CLIENT)]
    assert (first["address"], await seen_at(behind, **forwarded(OTHER))) == (CLIENT, OTHER)


@trusting
async def test_tries_are_counted_by_the_address_that_a_trusted_proxy_says(behind):
    guesses = [await sign_in(behind, "guess", **forwarded(f"6.6.6.{each}", CLIENT)) for each in range(PER_NAME + 1)]
    of_other = await sign_in(behind, **forwarded(OTHER))

    assert (guesses, of_other) == ([401] * PER_NAME + [429], 303)


@trusting_others
async def test_what_anybody_else_forwards_is_ignored(behind):
    guesses = [await sign_in(behind, "guess", **forwarded(f"6.6.6.{each}")) for each in range(PER_NAME + 1)]

    assert guesses == [401] * PER_NAME + [429]
    assert {origin for _, origin in await origins(behind)} == {"127.0.0.1"}


@trusting_others
async def test_a_session_is_listed_with_the_address_of_the_connection(behind):
    assert await sign_in(behind, **forwarded(CLIENT)) == 303
    [first] = (await behind.http.get("/account.json", headers=forwarded(CLIENT))).json()["sessions"]

    assert (first["address"], await seen_at(behind, **forwarded(OTHER))) == ("127.0.0.1", "127.0.0.1")
    assert await origins(behind) == [("user.signed_in", "127.0.0.1")]
