"""Claim, accept and finish: how many jobs a second the service can hand out, and what one costs."""

import asyncio

from benchmarks import pushes
from benchmarks.accounting import Usage
from benchmarks.builder import Builder
from benchmarks.client import Client
from benchmarks.jobs import until, waiting
from benchmarks.report import Figure
from benchmarks.service import Service

CONFIGURATIONS = 8  # jobs of one push


async def run(service: Service, *, quick: bool) -> list[Figure]:
    """Drain a queue by one builder, then one by eight."""
    await service.serve_repository("https://forge.example/bench/sample.git")
    tokens = await service.create_builders([f"fake-{number}" for number in range(8)])
    builders = [_builder(service.port, token, number) for number, token in enumerate(tokens)]
    for builder in builders:
        await builder.hello()
    number = 80 if quick else 400
    figures: list[Figure] = []
    for some in (builders[:1], builders):
        await _fill(service, number, at=len(figures))
        figures += _figures(len(some), number, await _drain(service, some))
    return figures


def _builder(port: int, token: str, number: int) -> Builder:
    return Builder(port, token, board=f"b{number}", type="bench", configurations=CONFIGURATIONS)


def _figures(builders: int, jobs: int, used: Usage) -> list[Figure]:
    by, each = f"{builders} builder{'s' if builders > 1 else ''}", 1000 / jobs
    return [
        Figure(what=f"claim → finish, {by}", value=jobs / used.seconds, unit="/s"),
        Figure(what=f"server CPU per job, {by}", value=used.server * each, unit="ms"),
        *(Figure(what=f"— {name}", value=value * each, unit="ms") for name, value in used.cpu.items()),
    ]


async def _fill(service: Service, jobs: int, at: int) -> None:
    """Queue jobs, each push on a branch of its own."""
    async with Client(service.port) as client:
        for number in range(jobs // CONFIGURATIONS):
            body, headers = pushes.push(pushes.commit(), f"b{at}-{number}")
            (await client.request("POST", "/webhooks/github", body, headers)).json()
    await until(lambda: waiting(service), jobs)


async def _drain(service: Service, builders: list[Builder]) -> Usage:
    watch = service.stopwatch()
    async with asyncio.TaskGroup() as working:
        for builder in builders:
            working.create_task(_work(builder))
    return watch.read()


async def _work(builder: Builder) -> None:
    while got := await builder.claim(0):
        await builder.accept(got.lease)
        await builder.finish(got.lease)
