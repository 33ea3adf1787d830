"""Open pages: 500 lines of events on one web process while real jobs are dispatched, claimed, accepted and ended."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

from benchmarks import pushes
from benchmarks.accounting import memory, percentile
from benchmarks.builder import Builder
from benchmarks.client import Client
from benchmarks.report import Figure
from benchmarks.service import Service

OPENING = 25  # lines that are opened at a time
LIMIT_S = 30.0  # until every page must have heard
ADDRESSES = ("/", "/pipelines", "/queue", "/builders")  # of the pages; each shows what a job does
TOPICS = "job+pipeline+builder"
IDLE_S = 20.0

Answer = TypeVar("Answer")


@dataclass(eq=False)
class Page:
    """One line of events, as an open page holds it, and how it looks at what changed."""

    port: int
    address: str
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    at: float = 0.0  # by the monotonic clock: when the last event was here
    position: str = ""
    shown: float = 0.0  # when the page had what it fetched after it

    async def listen(self, opened: asyncio.Event) -> None:
        """Hold the line until cancelled."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"GET /events?topics={TOPICS} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        try:
            while line := await reader.readline():
                if line.startswith(b"id: "):
                    self.position = line[4:].decode().strip()
                elif line.startswith(b": the line stands"):
                    opened.set()
                elif line.startswith(b"data: "):
                    self.at = time.perf_counter()
                    self.heard.set()
        finally:
            writer.close()
        raise RuntimeError("the service closed a page's line")

    async def fetch(self, client: Client) -> None:
        """Fetch the changed parts, as the page's script does."""
        headers = f"Rigline-Parts: *\r\nRigline-At: {self.position}\r\nAccept-Encoding: gzip\r\n"
        answer = await client.request("GET", self.address, headers=headers)
        if answer.status != 200:
            raise RuntimeError(f"{self.address}: {answer.status}: {answer.body[:300]!r}")
        self.shown = time.perf_counter()


async def run(service: Service, *, quick: bool) -> list[Figure]:
    """Open the pages, and measure from a change to each page; then the same with pages that fetch."""
    number, jobs = (50, 3) if quick else (500, 25)
    await service.serve_repository("https://forge.example/bench/sample.git")
    (token,) = await service.create_builders(["live"])
    builder = Builder(service.port, token, board="b0", type="t0")
    await builder.hello()
    before = memory(service.roots["web"])
    pages = [Page(port=service.port, address=ADDRESSES[at % len(ADDRESSES)]) for at in range(number)]
    lines = await _open(pages)
    try:
        figures = await _idle(service, number, before)
        figures += await _measured(service, builder, pages, jobs, fetching=False)
        figures += await _measured(service, builder, pages, max(2, jobs // 5), fetching=True)
        return figures
    finally:
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)


async def _open(pages: list[Page]) -> list["asyncio.Task[None]"]:
    lines = []
    for first in range(0, len(pages), OPENING):
        some = [(page, asyncio.Event()) for page in pages[first : first + OPENING]]
        lines += [asyncio.create_task(page.listen(opened)) for page, opened in some]
        async with asyncio.timeout(LIMIT_S):
            await asyncio.gather(*(opened.wait() for _, opened in some))
    return lines


async def _idle(service: Service, number: int, before: float) -> list[Figure]:
    watch = service.stopwatch()
    await asyncio.sleep(IDLE_S)
    used = watch.read()
    held = memory(service.roots["web"])
    return [
        Figure(what=f"web memory with {number} open pages", value=held, unit="MiB", target=150),
        Figure(what="… of it for a page", value=1024 * (held - before) / number, unit="KiB"),
        Figure(what="web CPU while nothing happens", value=100 * used.of("web") / used.seconds, unit="% of a core"),
    ]


async def _measured(
    service: Service, builder: Builder, pages: list[Page], jobs: int, *, fetching: bool
) -> list[Figure]:
    clients = [Client(service.port) for _ in pages] if fetching else []
    heard, shown, watch = list[float](), list[float](), service.stopwatch()
    async with Client(service.settings.socket) as owner:
        for _ in range(jobs):
            async for begun in _story(owner, builder, pages):
                heard += [page.at - begun for page in pages]
                if fetching:
                    await asyncio.gather(*(page.fetch(one) for page, one in zip(pages, clients, strict=True)))
                    shown += [page.shown - page.at for page in pages]
                await asyncio.sleep(random.uniform(0.2, 0.5))  # no rhythm of ours may meet one of the service
    used, changes = watch.read(), len(heard) / len(pages)
    for client in clients:
        client.close()
    cpu = Figure(what="… CPU of web for a change", value=1000 * used.of("web") / changes, unit="ms")
    if fetching:
        return [
            Figure(
                what="event → its parts fetched, all pages at once, p95", value=1000 * percentile(shown, 95), unit="ms"
            ),
            cpu,
            Figure(what="web memory after that", value=memory(service.roots["web"]), unit="MiB"),
        ]
    return [
        Figure(
            what=f"act → event at each of {len(pages)} pages, p95",
            value=1000 * percentile(heard, 95),
            unit="ms",
            target=200,
        ),
        Figure(what="… p50", value=1000 * percentile(heard, 50), unit="ms"),
        Figure(what="… the last page of all", value=1000 * max(heard), unit="ms"),
        cpu,
    ]


async def _story(owner: Client, builder: Builder, pages: list[Page]) -> AsyncIterator[float]:
    """Give the moment of each act of one job's life, once every page has heard of it."""
    wanted = {"kind": "build", "repository": pushes.NAME, "boards": ["t0"], "commit": pushes.commit()}
    begun, _ = await _all_hear(pages, owner.send("POST", "/api/v1/pipelines", wanted))
    yield begun
    begun, got = await _all_hear(pages, builder.claim(LIMIT_S))
    yield begun
    if got is None:
        raise RuntimeError("the builder got no job")
    for act in (builder.accept, builder.finish):
        begun, _ = await _all_hear(pages, act(got.lease))
        yield begun


async def _all_hear(pages: list[Page], act: Awaitable[Answer]) -> tuple[float, Answer]:
    """Do something, and wait until every page has heard of it; give when it was begun, and what came of it."""
    for page in pages:
        page.heard.clear()
    begun = time.perf_counter()
    answer = await act
    async with asyncio.timeout(LIMIT_S):
        await asyncio.gather(*(page.heard.wait() for page in pages))
    return begun, answer
