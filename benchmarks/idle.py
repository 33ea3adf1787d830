"""A thousand idle builders: what waiting costs, and how soon one of them has the job that comes."""

import asyncio
import random
from datetime import datetime

import redis.asyncio

from benchmarks import jobs, pushes
from benchmarks.accounting import memory, percentile
from benchmarks.builder import Builder, Got
from benchmarks.client import Client
from benchmarks.report import Figure
from benchmarks.service import Service
from builders.protocol import MAX_WAIT_S

TYPES = 4  # of boards
HELLOS = 16  # at a time
SETTLE = 5.0  # seconds between the first polls and the measurement


async def run(service: Service, *, quick: bool) -> list[Figure]:
    """Hold a long poll per builder; then dispatch jobs, one after the other."""
    number, seconds, wakes = (200, 10.0, 10) if quick else (1000, 60.0, 100)
    await service.serve_repository("https://forge.example/bench/sample.git")
    tokens = await service.create_builders([f"idle-{at}" for at in range(number)])
    builders = [Builder(service.port, token, board=f"b{at}", type=f"t{at % TYPES}") for at, token in enumerate(tokens)]
    await _greet(builders)
    got: asyncio.Queue[Got] = asyncio.Queue()
    polls = [asyncio.create_task(_poll(builder, got)) for builder in builders]
    try:
        await asyncio.sleep(SETTLE)
        figures = await _idle(service, number, seconds)
        return figures + await _wake(service, wakes, got)
    finally:
        for poll in polls:
            poll.cancel()
        await asyncio.gather(*polls, return_exceptions=True)


async def _greet(builders: list[Builder]) -> None:
    left = list(builders)

    async def some() -> None:
        while left:
            await left.pop().hello()

    await asyncio.gather(*(some() for _ in range(HELLOS)))


async def _poll(builder: Builder, got: asyncio.Queue[Got]) -> None:
    """Wait for jobs for ever, and end each at once. The first wait is short, so that not all poll together."""
    wait_s = random.uniform(5, MAX_WAIT_S)
    while True:
        if found := await builder.claim(wait_s):
            await builder.accept(found.lease)
            await builder.finish(found.lease)
            got.put_nowait(found)
        wait_s = MAX_WAIT_S


async def _idle(service: Service, number: int, seconds: float) -> list[Figure]:
    watch = service.stopwatch()
    await asyncio.sleep(seconds)
    used = watch.read()
    clients = await _redis_clients(service)

    def share(name: str) -> float:
        return 100 * used.of(name) / used.seconds

    return [
        Figure(what=f"web CPU, {number:,} idle builders", value=share("web"), unit="% of a core", target=10),
        Figure(what="PostgreSQL CPU meanwhile", value=share("postgresql"), unit="% of a core"),
        Figure(what="Valkey CPU meanwhile", value=share("valkey"), unit="% of a core"),
        Figure(what="worker CPU meanwhile", value=share("worker"), unit="% of a core"),
        Figure(what="Redis connections, web and worker", value=clients, unit=""),
        Figure(what="web memory", value=memory(service.roots["web"]), unit="MiB", target=150),
    ]


async def _redis_clients(service: Service) -> int:
    async with _redis(service) as client:
        return len(await client.client_list()) - 1  # this one


def _redis(service: Service) -> "redis.asyncio.Redis":
    return redis.asyncio.from_url(service.settings.redis_url, decode_responses=True)


async def _wake(service: Service, number: int, got: asyncio.Queue[Got]) -> list[Figure]:
    """Dispatch one job at a time, to each type of board in turn."""
    claimed: list[Got] = []
    async with Client(service.settings.socket) as client:
        for at in range(number):
            wanted = {"kind": "build", "repository": pushes.NAME, "boards": [f"t{at % TYPES}"]}
            await client.send("POST", "/api/v1/pipelines", wanted | {"commit": pushes.commit()})
            async with asyncio.timeout(jobs.LIMIT):
                claimed.append(await got.get())
            await asyncio.sleep(random.uniform(0.2, 0.4))  # no rhythm of ours may meet one of the service
    waits = [each.at - enqueued for each, enqueued in zip(claimed, await _enqueued(service, claimed), strict=True)]
    return [
        Figure(what=f"enqueued → claim answered, p50 of {number}", value=percentile(waits, 50) * 1000, unit="ms"),
        Figure(what="enqueued → claim answered, p95", value=percentile(waits, 95) * 1000, unit="ms", target=25),
    ]


async def _enqueued(service: Service, claimed: list[Got]) -> list[float]:
    """Give the moment at which RQ had each job, in seconds since 1970 by this machine's clock."""
    async with _redis(service) as client:
        times = [await client.hget(f"rq:job:job-{each.lease.job_id}", "enqueued_at") for each in claimed]
    return [datetime.fromisoformat(str(at)).timestamp() for at in times]
