"""A process that stands still in the middle of its sweep, with real processes and signals."""

import asyncio
import json
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import sqlalchemy as sa

from app.db.tables import attempt, audit
from app.dispatch import sweep
from app.settings import Settings
from tests.crowd import crowd
from tests.dispatch.world import World

ROOT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def sweeper(settings: Settings, place: Path, patience_s: int) -> AsyncIterator[Process]:
    """Start a process that sweeps again and again."""
    given = place / "settings.json"
    secrets = {"secret_key": settings.secret_key.get_secret_value()}
    given.write_text(json.dumps(json.loads(settings.model_dump_json()) | secrets))
    command = ("-m", "tests.dispatch.child_sweeper", str(given), str(patience_s))
    process = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=ROOT, stdout=PIPE)
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


async def says(process: Process, word: bytes) -> None:
    """Wait until a process says a word."""
    assert process.stdout is not None
    async with asyncio.timeout(30):
        while (line := await process.stdout.readline()).strip() != word:
            assert line, "the process has ended"


async def test_a_frozen_sweeper_is_taken_over_and_does_no_harm_when_it_wakes(
    world: World, tmp_path: Path, campaign: int
) -> None:
    patience_s = 2 if campaign == 1 else sweep.LOCK_S
    lab = await world.builder()
    lease = await world.running(lab)
    await world.age_attempt(lease.attempt_id, 46)

    async with world.deps.begin() as db:
        await db.execute(sa.select(attempt).where(attempt.c.id == lease.attempt_id).with_for_update())
        child = sweeper(world.settings, tmp_path, patience_s)
        process = await world.stack.enter_async_context(child)
        await world.somebody_waits_for_a_row()
        process.send_signal(signal.SIGSTOP)
    refused, began = await sweep.sweep(world.deps), time.monotonic()
    async with asyncio.timeout(30):
        while not await sweep.sweep(world.deps):
            await asyncio.sleep(0.1)
    took, taken_over = time.monotonic() - began, await world.job(lease.job_id)
    process.send_signal(signal.SIGCONT)
    await says(process, b"interrupted")
    await says(process, b"swept")

    assert refused is False
    assert took < patience_s + 10 * crowd()
    assert (taken_over.state, taken_over.retries_left) == ("queued", 1)
    assert await world.job(lease.job_id) == taken_over
    async with world.deps.begin() as db:
        ends = sa.select(sa.func.count()).where(audit.c.job_id == lease.job_id, audit.c.action == "job.queued")
        assert await db.scalar(ends) == 2  # when it was asked for, and once when it was lost
