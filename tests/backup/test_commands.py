"""`rigline backup` and `rigline restore`, as a person at the service's machine uses them."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from app.embedded import folder
from tests.acceptance.processes import RIGLINE, command
from tests.backup.conftest import KEY, Place
from tests.cli.commands import rigline


def at(url, key=KEY):
    return {"DATABASE_URL": url, "RIGLINE_SECRET_KEY": key, "REDIS_URL": "unix:///nowhere"}


async def test_a_backup_is_checked_and_restored_by_command_and_every_refusal_says_what_to_do(site, elsewhere, tmp_path):
    here, there = at(site.deps.settings.database_url), at(elsewhere.url)
    await site.repository("acme/firmware")
    file = str(tmp_path / "a.rig")

    made = await rigline("backup", file, **here)
    again = await rigline("backup", file, **here)
    checked = json.loads((await rigline("backup", "check", file, "--json", **here)).out)
    assert made.status == 0 and "The secret key is not in it" in made.err
    assert (again.status, "is there already" in again.err) == (2, True)
    assert (checked["tables"] > 40, checked["rows"] > 0, checked["secret_key"]) == (True, True, "not in the archive")

    in_use = await rigline("restore", file, "--replace", "--yes", **here)
    wrong_key = await rigline("restore", file, **at(elsewhere.url, "another"))
    assert (in_use.status, wrong_key.status) == (2, 2)
    assert "Stop its web and worker processes first" in in_use.err
    assert "another secret key than this service's" in wrong_key.err

    assert (await rigline("restore", file, "--check", **there)).status == 0
    assert await elsewhere.rows("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    back = await rigline("restore", file, **there)
    twice = await rigline("restore", file, **there)
    unasked = await rigline("restore", file, "--replace", **there)
    other_key = await rigline("restore", file, "--replace", "--yes", "--another-key", **at(elsewhere.url, "another"))
    assert (back.status, twice.status, unasked.status, other_key.status) == (0, 2, 2, 0)
    assert "holds a service already. --replace drops it" in twice.err
    assert "say --yes too" in unasked.err
    assert await elsewhere.rows("SELECT full_name FROM repository") == [("acme/firmware",)]

    Path(file).write_bytes(Path(file).read_bytes()[:-9])
    cut = await rigline("restore", file, **there)
    assert (cut.status, "cut short" in cut.err) == (1, True)


async def test_a_backup_that_is_interrupted_leaves_nothing(site, tmp_path):
    """It waits for a table that somebody has locked: so it is surely in the midst of it."""
    place = tmp_path / "backups"
    place.mkdir()
    async with site.deps.begin() as db:
        await db.exec_driver_sql("LOCK TABLE job IN ACCESS EXCLUSIVE MODE")
        env = {"PATH": os.environ["PATH"], **at(site.deps.settings.database_url)}
        child = await asyncio.create_subprocess_exec(*RIGLINE, "backup", str(place / "a.rig"), env=env)
        async with asyncio.timeout(60):
            while not await waits(site):
                await asyncio.sleep(0.02)
        there = [each.name for each in place.iterdir()]
        child.send_signal(signal.SIGTERM)
        status = await asyncio.wait_for(child.wait(), 60)

    assert [name.startswith(".a.rig.") for name in there] == [True]
    assert (status, list(place.iterdir())) == (1, [])


async def waits(site):
    async with site.deps.intake.acquire() as connection:
        return await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")


@pytest.mark.campaign
async def test_a_service_moves_from_shared_servers_to_its_own_and_back(site, elsewhere, tmp_path):
    """Its own PostgreSQL may be another version than the shared one: on this machine it often is."""
    await site.repository("acme/firmware")
    own = {"PATH": os.environ["PATH"], "RIGLINE_DATA_DIR": str(tmp_path / "data"), "PYTHONPATH": sys.path[0]}
    there, back = str(tmp_path / "there.rig"), str(tmp_path / "back.rig")

    nothing = await rigline("backup", back, **own)
    await rigline("backup", there, "--with-secret-key", **at(site.deps.settings.database_url))
    with folder.held(tmp_path / "data"):
        refused = await rigline("restore", there, **own)
    moved = await command(*RIGLINE, "restore", there, env=own)
    saved = await command(*RIGLINE, "backup", back, env=own)
    returned = await rigline("restore", back, **at(elsewhere.url))

    assert (nothing.status, "There is no service in" in nothing.err) == (2, True)
    assert (refused.status, "is in use by process" in refused.err) == (2, True), refused.err
    assert (moved.status, saved.status, returned.status) == (0, 0, 0), moved.err + saved.err + returned.err
    assert (tmp_path / "data/secret-key").read_text() == KEY
    asked = "SELECT id, full_name, added_at FROM repository"
    assert await elsewhere.rows(asked) == await Place(site.deps.settings.database_url).rows(asked)
