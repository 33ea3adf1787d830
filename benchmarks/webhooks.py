"""Webhooks: signed pushes of 10 KB, distinct, on eight connections; stored and queued before the answer."""

import asyncio
import time

from benchmarks import pushes
from benchmarks.accounting import memory, percentile
from benchmarks.client import Client
from benchmarks.report import Figure
from benchmarks.service import Service

CONNECTIONS = 8
WARM_UP = 200


async def run(service: Service, *, quick: bool) -> list[Figure]:
    """Send pushes of a repository that is not served: accepted, stored, queued, and nothing to build."""
    wanted = 500 if quick else 3000
    await _send(service.port, _made(WARM_UP))
    made = _made(wanted)
    watch = service.stopwatch()
    waits = await _send(service.port, made)
    used = watch.read()
    each = 1000 / wanted  # milliseconds
    return [
        Figure(what="web CPU per webhook", value=used.of("web") * each, unit="ms", target=4, buildbot=18),
        Figure(what="PostgreSQL CPU meanwhile", value=used.of("postgresql") * each, unit="ms"),
        Figure(what="Valkey CPU meanwhile", value=used.of("valkey") * each, unit="ms"),
        Figure(what="worker CPU meanwhile", value=used.of("worker") * each, unit="ms"),
        Figure(
            what="accepted by one web process",
            value=wanted / used.seconds,
            unit="/s",
            target=300,
            more_is_better=True,
            buildbot=42,
        ),
        Figure(what="answer p50", value=percentile(waits, 50) * 1000, unit="ms"),
        Figure(what="answer p95", value=percentile(waits, 95) * 1000, unit="ms", buildbot=252),
        Figure(what="web memory after it", value=memory(service.roots["web"]), unit="MiB", target=150, buildbot=98),
    ]


def _made(number: int) -> list[tuple[bytes, str]]:
    return [pushes.push(pushes.commit(), "main", repository=pushes.UNSERVED) for _ in range(number)]


async def _send(port: int, made: list[tuple[bytes, str]]) -> list[float]:
    """Send them all; give each answer's time in seconds."""
    left, waits = list(made), list[float]()

    async def connection() -> None:
        async with Client(port) as client:
            while left:
                body, headers = left.pop()
                begun = time.perf_counter()
                (await client.request("POST", "/webhooks/github", body, headers)).json()
                waits.append(time.perf_counter() - begun)

    async with asyncio.TaskGroup() as connections:
        for _ in range(CONNECTIONS):
            connections.create_task(connection())
    return waits
