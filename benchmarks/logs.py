"""Log ingest: pieces as large as a builder sends of a large log, appended by offset; one stream and eight."""

import asyncio
import hashlib
import random

from benchmarks import jobs, pushes
from benchmarks.accounting import MIB
from benchmarks.builder import Builder, Got
from benchmarks.client import Client
from benchmarks.report import Figure
from benchmarks.service import Service
from builders.protocol import MAX_CHUNK

GB = 10**9


async def run(service: Service, *, quick: bool) -> list[Figure]:
    """Claim jobs, send their logs whole, and end them: the service checks size and digest."""
    await service.serve_repository("https://forge.example/bench/sample.git")
    tokens = await service.create_builders([f"log-{at}" for at in range(8)])
    builders = [Builder(service.port, token, board=f"b{at}", type="bench") for at, token in enumerate(tokens)]
    for builder in builders:
        await builder.hello()
    chunks = 8 if quick else 60  # of the 64 that a log may have
    figures: list[Figure] = []
    for some in (builders[:1], builders):
        figures += await _measure(service, some, chunks)
    return figures


async def _measure(service: Service, builders: list[Builder], chunks: int) -> list[Figure]:
    leases = await _claim(service, builders)
    text = _text()
    watch = service.stopwatch()
    await asyncio.gather(*(_stream(builder, got, text, chunks) for builder, got in zip(builders, leases, strict=True)))
    used = watch.read()
    sent, by = len(builders) * chunks * MAX_CHUNK, f"{len(builders)} stream{'s' if len(builders) > 1 else ''}"
    return [
        Figure(what=f"log ingest, {by}", value=sent / 1e6 / used.seconds, unit="MB/s", target=50, more_is_better=True),
        Figure(what=f"server CPU per GB of log, {by}", value=used.server * GB / sent, unit="s", target=10),
        Figure(what="… of it web", value=used.of("web") * GB / sent, unit="s"),
        Figure(what="… of it PostgreSQL", value=used.of("postgresql") * GB / sent, unit="s"),
    ]


async def _claim(service: Service, builders: list[Builder]) -> list[Got]:
    """Give every builder a job: a push each."""
    async with Client(service.port) as client:
        for _ in builders:
            body, headers = pushes.push(pushes.commit(), f"b-{pushes.commit()}")
            (await client.request("POST", "/webhooks/github", body, headers)).json()
    await jobs.until(lambda: jobs.waiting(service), len(builders))
    found = [await builder.claim(10) for builder in builders]
    return [got for got in found if got is not None]


async def _stream(builder: Builder, got: Got, text: bytes, chunks: int) -> None:
    lease, digest = got.lease, hashlib.sha256()
    path = f"/api/v1/attempts/{lease.attempt_id}/log?epoch={lease.epoch}&start="
    await builder.accept(lease)
    for number in range(chunks):
        at = number * MAX_CHUNK % (len(text) - MAX_CHUNK)
        chunk = text[at : at + MAX_CHUNK]
        digest.update(chunk)
        (await builder.client.request("PATCH", f"{path}{number * MAX_CHUNK}", chunk)).json()
        if number % 4 == 3:  # as a builder does: each sign of life gives credit for more
            await builder.accept(lease)
    await builder.finish(lease, log_size=chunks * MAX_CHUNK, log_sha256=digest.hexdigest())


def _text() -> bytes:
    """Write 4 MiB like a build's output: lines that are alike and never the same."""
    chance = random.Random(1)  # the same text in every run
    words = ["src", "lib", "render", "shader", "buffer", "index", "warning:", "error:", "-O2", "-Wall", "cc", "ld"]
    lines, size = list[str](), 0
    while size < 4 * MIB:
        lines.append(f"[{chance.randrange(10**6)}] " + "/".join(chance.choices(words, k=9)) + f".c:{chance.random()}\n")
        size += len(lines[-1])
    return "".join(lines).encode()
