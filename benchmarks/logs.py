"""Log ingest: chunks of 256 KiB appended by offset, one stream and eight."""

import asyncio
import hashlib
import random

from benchmarks import jobs, pushes
from benchmarks.accounting import MIB
from benchmarks.builder import Builder, Got
from benchmarks.client import Client
from benchmarks.report import Figure
from benchmarks.service import Service

CHUNK = 256 << 10  # bytes
GIB = 1 << 30


async def run(service: Service, *, quick: bool) -> list[Figure]:
    """Claim jobs, send their logs whole, and end them: the service checks size and digest."""
    await service.serve_repository("https://forge.example/bench/sample.git")
    tokens = await service.create_builders([f"log-{at}" for at in range(8)])
    builders = [Builder(service.port, token, board=f"b{at}", type="bench") for at, token in enumerate(tokens)]
    for builder in builders:
        await builder.hello()
    chunks = 32 if quick else 128  # 8 or 32 MiB a stream
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
    sent, by = len(builders) * chunks * CHUNK, f"{len(builders)} stream{'s' if len(builders) > 1 else ''}"
    return [
        Figure(what=f"log ingest, {by}", value=sent / MIB / used.seconds, unit="MiB/s"),
        Figure(what=f"web CPU per GiB of log, {by}", value=used.of("web") * GIB / sent, unit="s"),
        Figure(what=f"PostgreSQL CPU per GiB of log, {by}", value=used.of("postgresql") * GIB / sent, unit="s"),
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
        at = number * CHUNK % (len(text) - CHUNK)
        chunk = text[at : at + CHUNK]
        digest.update(chunk)
        (await builder.client.request("PATCH", f"{path}{number * CHUNK}", chunk)).json()
        if number % 16 == 15:  # as a builder does: each sign of life gives credit for more
            await builder.accept(lease)
    await builder.finish(lease, log_size=chunks * CHUNK, log_sha256=digest.hexdigest())


def _text() -> bytes:
    """Write 4 MiB like a build's output: lines that are alike and never the same."""
    chance = random.Random(1)  # the same text in every run
    words = ["src", "lib", "render", "shader", "buffer", "index", "warning:", "error:", "-O2", "-Wall", "cc", "ld"]
    lines, size = list[str](), 0
    while size < 4 * MIB:
        lines.append(f"[{chance.randrange(10**6)}] " + "/".join(chance.choices(words, k=9)) + f".c:{chance.random()}\n")
        size += len(lines[-1])
    return "".join(lines).encode()
