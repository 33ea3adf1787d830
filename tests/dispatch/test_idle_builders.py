"""Many builders that wait cost little, hold few connections to Redis, and one of them has a job as soon as it comes."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.db.queries import builders
from app.dispatch import queue
from benchmarks.accounting import Stopwatch, percentile
from benchmarks.builder import Builder, Got
from tests.crowd import crowd
from tests.dispatch.test_faults import address_of, child_web
from tests.dispatch.world import World

FEW, MANY = 150, 1000  # builders: in `make test`, and in `make test-all`
QUIET_S, WAKES, TYPES = 2.0, 20, 4


class Crowd:
    """Idle builders on long polls at a web process of its own."""

    def __init__(self, world: World, process_id: int, port: int) -> None:
        self.world, self.process_id, self.port = world, process_id, port
        self.got: asyncio.Queue[tuple[float, Got]] = asyncio.Queue()
        self.polls: list[asyncio.Task[None]] = []

    async def gather(self, number: int) -> None:
        """Let so many builders say hello, and ask for a job."""
        async with self.world.deps.begin() as db:
            made = [await builders.create(db, f"idle-{at}") for at in range(number)]
        every = [
            Builder(self.port, f"rlb_{each}.{secret}", board=f"b{at}", type=f"t{at % TYPES}")
            for at, (each, secret) in enumerate(made)
        ]
        for at in range(0, number, 16):
            await asyncio.gather(*(each.hello() for each in every[at : at + 16]))
        self.polls = [asyncio.create_task(self._poll(each)) for each in every]

    async def _poll(self, builder: Builder) -> None:
        while True:
            if found := await builder.claim(50.0):
                self.got.put_nowait((time.monotonic(), found))
                await builder.accept(found.lease)
                await builder.finish(found.lease)

    async def wake(self, at: int) -> float:
        """Queue a job for a type of board; the seconds until somebody has it."""
        job_id = await self.world.queued(f"t{at % TYPES}", "c0", offered=False)
        began = time.monotonic()
        await queue.offer(self.world.deps, [job_id])
        answered, found = await asyncio.wait_for(self.got.get(), 30)
        assert found.lease.job_id == job_id
        return answered - began

    async def leave(self) -> None:
        for each in self.polls:
            each.cancel()
        await asyncio.gather(*self.polls, return_exceptions=True)


@pytest.fixture
async def idle(world: World, tmp_path: Path) -> AsyncIterator[Crowd]:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    with child_web(world.settings, tmp_path) as (process, told):
        address = await address_of(process, told)
        crowded = Crowd(world, process.pid, int(address.rpartition(":")[2]))
        yield crowded
        await crowded.leave()


async def test_idle_builders_cost_little_and_one_has_a_job_as_soon_as_it_comes(
    world: World, idle: Crowd, campaign: int
) -> None:
    number = FEW if campaign == 1 else MANY
    redis = world.deps.redis_sync
    connections = len(redis.client_list())
    await idle.gather(number)
    await idle.wake(0)
    await asyncio.sleep(1.0)  # the load of the hellos is no part of what waiting costs

    watch, commands = Stopwatch({"web": idle.process_id}), redis.info("stats")["total_commands_processed"]
    await asyncio.sleep(QUIET_S)
    used, asked = watch.read(), redis.info("stats")["total_commands_processed"] - commands
    held = len(redis.client_list()) - connections
    waits = [await idle.wake(at) for at in range(WAKES)]

    assert used.of("web") / used.seconds < (0.05 + 0.2 * number / 1000) * min(crowd(), 2.0)
    assert asked / used.seconds < 100, "Redis is asked the more, the more builders wait"
    assert held < 20
    assert percentile(waits, 50) < min(0.1 + 0.05 * crowd(), 0.4), waits  # by the look of each second it is that long
