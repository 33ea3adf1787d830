"""Database addresses as people and hosting services write them."""

import ssl

import asyncpg
import pytest
from sqlalchemy import text

from app.db.session import arguments, engine
from app.errors import StartupError


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_every_usual_scheme_is_understood(scheme):
    found = arguments(f"{scheme}://joe:p%40ss@db.example.com:5433/rig%20line")

    wanted = {"user": "joe", "password": "p@ss", "host": "db.example.com", "port": 5433, "database": "rig line"}
    assert wanted.items() <= found.items()


@pytest.mark.parametrize(
    ("mode", "wanted"), [("disable", False), ("allow", "allow"), ("prefer", "prefer"), ("require", "require")]
)
def test_the_modes_without_verification_are_passed_on(mode, wanted):
    assert arguments(f"postgres://db/name?sslmode={mode}")["ssl"] == wanted


@pytest.mark.parametrize(("mode", "checks_name"), [("verify-ca", False), ("verify-full", True)])
def test_the_verifying_modes_check_the_chain(mode, checks_name):
    context = arguments(f"postgres://db/name?sslmode={mode}&sslrootcert=system")["ssl"]

    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname is checks_name


def test_a_root_certificate_that_is_missing_is_named():
    with pytest.raises(StartupError, match=r"nowhere\.pem|No such file"):
        arguments("postgres://db/name?sslmode=verify-full&sslrootcert=/nowhere.pem")


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://joe@/name?host=/run/pg",
        "postgresql://joe@%2Frun%2Fpg/name",
        "postgresql://joe@/name?host=%2Frun%2Fpg",
    ],
)
def test_a_unix_socket_is_named_by_its_folder(address):
    assert {"host": "/run/pg", "user": "joe", "database": "name"}.items() <= arguments(address).items()


def test_without_sslmode_the_driver_decides():
    assert "ssl" not in arguments("postgres://db/name")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("mysql://joe:hidden@db/name", "must begin with postgresql"),
        ("sqlite:///hidden.db", "must begin with postgresql"),
        ("postgres://joe:hidden@db/name?sslmode=maybe", "sslmode=maybe"),
        ("postgres://joe:hidden@db/name?pgbouncer=true", "pgbouncer"),
        ("postgres://joe:hidden@db:port/name", "not an address"),
        ("postgres://[joe:hidden@db/name", "not an address"),
    ],
)
def test_a_wrong_address_is_refused_without_repeating_its_password(address, told):
    with pytest.raises(StartupError, match=told) as refusal:
        arguments(address)

    assert "hidden" not in str(refusal.value)


@pytest.mark.parametrize("mode", ["", "&sslmode=disable", "&sslmode=prefer"])
async def test_an_address_as_a_host_gives_it_connects(servers, mode):
    address = servers.database_url.replace("postgresql+asyncpg", "postgres") + mode
    own = engine(address)

    async with own.connect() as db:
        assert await db.scalar(text("SELECT 1")) == 1

    await own.dispose()
    plain = await asyncpg.connect(**arguments(address))
    assert await plain.fetchval("SHOW timezone") == "UTC"
    await plain.close()
