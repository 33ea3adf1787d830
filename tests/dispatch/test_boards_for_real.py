"""A real agent with boards on pseudo terminals, and a real service: what happens when somebody pulls a cable."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest
import sqlalchemy as sa

from app.db.models import BuilderState
from app.db.queries import alerts, builders, tokens, users
from app.db.tables import board, pipeline, repository
from app.rights import Role
from tests.builders.conftest import Lab, Project, gone
from tests.crowd import crowd
from tests.dispatch.world import World

FIRMWARE = Path(__file__).parents[1] / "builders" / "firmware.py"
BOARD = """
[[boards]]
name = "{name}"
type = "nucleo"
[boards.serial]
device = "{folder}/{name}"
silence = 5
[boards.power]
on = "scripts/power.sh on {{board}}"
off = "true"
[boards.health]
check = "scripts/check.sh {{board}}"
limit = 5
[[boards.configurations]]
name = "fast"
build = "true"
run = "scripts/run.sh"
limits.grace = 0.3
"""


class Shelf:
    """A builder with its agent, and two boards of one type."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.lab = Lab(folder, SimpleNamespace(url=world.address, hellos=[]))  # type: ignore[arg-type]
        self.children: list[asyncio.subprocess.Process] = []
        self.builder_id = 0

    async def plug(self, name: str, *lines: str) -> None:
        words = (sys.executable, str(FIRMWARE), str(self.folder / name), str(self.folder / "diary"), *lines)
        child = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
        self.children.append(child)
        assert child.stdout is not None
        assert await child.stdout.readline() == b"ready\n"
        (self.folder / f"{name}.pid").write_text(str(child.pid))

    async def connect(self, run: str, *names: str) -> asyncio.subprocess.Process:
        self.lab.script("power.sh", f"kill -USR1 $(cat {self.folder}/$2.pid)")
        self.lab.script("check.sh", f"test -e {self.folder}/$1")
        self.lab.script("run.sh", run)
        self.lab.config("".join(BOARD.format(name=name, folder=self.folder) for name in names))
        async with self.world.deps.begin() as db:
            self.builder_id, secret = await builders.create(db, "shelf")
        token = f"rlb_{self.builder_id}.{secret}"
        return await self.lab.start(RIGLINE_BUILDER_ID=str(self.builder_id), RIGLINE_BUILDER_TOKEN=token)

    async def job(self, project: Project) -> int:
        """Queue a job for a commit of the project."""
        commit = project.commit()
        pipeline_id = await self.world.pipeline(commit=commit)
        mine = sa.select(pipeline.c.repository_id).where(pipeline.c.id == pipeline_id).scalar_subquery()
        where = f"file://{project.path}"
        await self.world.execute(sa.update(repository).where(repository.c.id == mine).values(clone_url=where))
        return await self.world.queued(pipeline_id=pipeline_id)

    async def has(self, name: str, health: str) -> None:
        """Sweep, as workers do, until a board is so; a check is never too young for the next one."""
        async with asyncio.timeout(30):
            while str((await self.health()).get(name)) != health:
                await self.world.execute(sa.update(board).values(checked_at=sa.text("checked_at - interval '31 s'")))
                await self.world.sweep()
                await asyncio.sleep(0.1)

    async def health(self) -> dict[str, str]:
        async with self.world.deps.begin() as db:
            return {row.name: str(row.health) for row in await db.execute(sa.select(board.c.name, board.c.health))}

    async def close(self) -> None:
        await self.lab.close()
        for child in self.children:
            if child.returncode is None:
                child.kill()
            await child.wait()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


@pytest.fixture
async def shelf(world: World, tmp_path: Path) -> AsyncIterator[Shelf]:
    shelf = Shelf(world, tmp_path / "shelf")
    yield shelf
    await shelf.close()


async def test_a_board_that_is_unplugged_in_a_job_is_out_and_the_job_passes_on_another_one(
    world: World, shelf: Shelf, project: Project
) -> None:
    await shelf.plug("one", "booting")
    await shelf.plug("two", "booting")
    await shelf.connect(f"kill -9 $(cat {shelf.folder}/one.pid) && sleep 60; exit 0", "one", "two")
    await shelf.has("one", "good")
    await shelf.has("two", "good")

    job_id = await shelf.job(project)
    began = time.monotonic()
    await world.is_in_state(job_id, "passed")
    took = time.monotonic() - began
    await shelf.has("one", "quarantined")

    first, second = await world.attempts(job_id)
    assert (str(first.outcome), first.reason[:23]) == ("errored", "infra:board the device ")
    assert (str(second.outcome), took < 30 * crowd()) == ("passed", True)
    assert first.board_id != second.board_id
    async with world.deps.begin() as db:
        told = [each.subject for each in await alerts.list_(db)]
    assert told == ["board one of builder shelf"]


async def test_a_builder_whose_token_is_revoked_kills_its_job_and_its_board_is_locked(
    world: World, shelf: Shelf, project: Project
) -> None:
    await shelf.plug("one", "booting")
    agent = await shelf.connect("sleep 7654", "one")
    await shelf.has("one", "good")
    job_id = await shelf.job(project)
    await world.is_in_state(job_id, "running")
    token = await admin(world)

    began = time.monotonic()
    async with httpx2.AsyncClient(base_url=world.address, headers={"Authorization": f"Bearer {token}"}) as http:
        (await http.post("/api/v1/builders/shelf/revoke-token")).raise_for_status()
    await asyncio.wait_for(agent.wait(), 10)
    await gone("sleep 7654")

    [attempt] = await world.attempts(job_id)
    assert agent.returncode != 0
    assert (str(attempt.outcome), attempt.reason.split(":")[:2]) == ("errored", ["infra", "revoked"])
    assert await world.states(job_id) == ["queued"]
    assert await shelf.health() == {"one": "quarantined"}
    assert time.monotonic() - began < 15 * crowd()
    async with world.deps.begin() as db:
        assert (await builders.known(db, shelf.builder_id)).state == BuilderState.ACTIVE  # type: ignore[union-attr]


async def admin(world: World) -> str:
    """Make an admin with a token."""
    async with world.deps.begin() as db:
        user_id = await users.add(db, "admin", password_hash=None, role=Role.ADMIN)
        made = await tokens.add(db, user_id or 0, "test", lifetime=None)
    assert made is not None
    return made[1]
