"""Floods of webhooks: large bodies at once, bodies that never come, and thousands that nobody signed."""

import asyncio
import contextlib
import json
import time
from pathlib import Path

import httpx2
import pytest

from app.main import create_app
from app.web import intake
from app.web.intake import MOST_LARGE, Intake
from integrations.fake import deliveries
from tests.crowd import crowd
from tests.hostile.day import Process
from tests.hostile.test_receiver import SIGNATURE, mac
from tests.specs.serving import serving
from tests.specs.world import MAINTAINER, SECRET

A = "a" * 40
LARGEST = 25 << 20


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    return world


def push(world, padding=0):
    made = deliveries.github_push(world.repository, A, SECRET, sender=world.person(MAINTAINER))
    data = json.loads(made.body) | {"padding": "x" * padding}
    return deliveries.github("push", data, SECRET)


class Slow:
    """Somebody who announces a body and sends a little of it."""

    def __init__(self, address):
        host, _, port = str(address).removeprefix("http://").rstrip("/").partition(":")
        self.host, self.port = host, int(port)

    async def announce(self, length, sent=b"{"):
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        size = f"Content-Length: {length}" if length is not None else "Transfer-Encoding: chunked"
        head = f"Host: x\r\nContent-Type: application/json\r\n{SIGNATURE}: {mac(b'')}\r\n{size}"
        self.writer.write(f"POST /webhooks/github HTTP/1.1\r\n{head}\r\n\r\n".encode() + sent)
        await self.writer.drain()
        return self

    async def answer(self):
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)
        self.writer.close()
        lines = head.decode().split("\r\n")
        return int(lines[0].split()[1]), {each.partition(":")[0].lower(): each.partition(": ")[2] for each in lines[1:]}

    def close(self):
        self.writer.close()


async def held(app, size):
    """Wait until so many bytes are held."""
    async with asyncio.timeout(30):
        while app.extensions["intake"].large.held != size:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("length", [LARGEST, None])
async def test_s34_large_bodies_at_once_are_refused_before_they_are_read_and_ordinary_ones_are_not(world, length):
    app = create_app(world.deps)
    async with serving(app) as address, httpx2.AsyncClient(base_url=address, trust_env=False, timeout=30) as http:
        crowd = [await Slow(address).announce(length, b"" if length is None else b"{") for _ in range(8)]
        await held(app, MOST_LARGE)

        status, headers = await (await Slow(address).announce(2 << 20, b"")).answer()
        assert (status, headers["retry-after"]) == (503, "10")
        ordinary = push(world)
        answer = await http.post(ordinary.path, content=ordinary.body, headers=ordinary.headers)
        assert answer.status_code == 202

        for each in crowd:
            each.close()
        await held(app, 0)
        large = push(world, padding=2 << 20)
        assert (await http.post(large.path, content=large.body, headers=large.headers)).status_code == 202
        await held(app, 0)


async def test_s34_small_bodies_count_as_they_come_and_not_as_they_are_announced(world):
    app = create_app(world.deps)
    app.extensions["intake"] = Intake(most_small=100_000)
    async with serving(app) as address, httpx2.AsyncClient(base_url=address, trust_env=False, timeout=30) as http:
        crowd = [await Slow(address).announce(1 << 20) for _ in range(20)]  # 20 MiB announced, 20 bytes sent
        ordinary = push(world)
        answer = await http.post(ordinary.path, content=ordinary.body, headers=ordinary.headers)
        assert answer.status_code == 202

        status, _ = await (await Slow(address).announce(1 << 20, b" " * 120_000)).answer()
        assert status == 503
        for each in crowd:
            each.close()


async def test_s34_a_body_that_does_not_come_ends_and_leaves_its_room(world, monkeypatch):
    monkeypatch.setattr(intake, "LARGE_S", 0.3)
    app = create_app(world.deps)
    async with serving(app) as address:
        slow = await Slow(address).announce(LARGEST)
        status, _ = await slow.answer()
        assert status == 408
        await held(app, 0)


async def flooded(address, seconds, per_second):
    """Send unsigned deliveries over many connections, as fast as asked; give how many were refused and nothing else."""
    host, _, port = address.removeprefix("http://").partition(":")
    request = (
        b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )
    began, refused, crowd = time.monotonic(), 0, 40

    async def one(number):
        nonlocal refused
        reader, writer = await asyncio.open_connection(host, int(port))
        for turn in range(number, int(seconds * per_second), crowd):
            await asyncio.sleep(began + turn / per_second - time.monotonic())
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0])
            await reader.readexactly(size)
            assert head.startswith(b"HTTP/1.1 401")
            refused += 1
        writer.close()

    await asyncio.gather(*(one(number) for number in range(crowd)))
    return refused


@contextlib.contextmanager
def web_process(world, folder):
    """Run a web process, and no worker."""
    web = Process(world, "web", folder)
    try:
        web.start()
        yield web
    finally:
        web.kill()


def memory(process):
    """Give the resident memory of a process, in bytes."""
    said = Path(f"/proc/{process.process.pid}/status").read_text()
    return int(said.partition("VmRSS:")[2].split()[0]) << 10


async def test_s35_beside_a_thousand_unsigned_deliveries_a_second_authentic_ones_are_answered_at_once(
    world, tmp_path, campaign
):
    seconds = 1 if campaign == 1 else 10
    with web_process(world, tmp_path) as web:
        await web.works()
        async with httpx2.AsyncClient(base_url=web.address(), trust_env=False, timeout=30) as http:
            await flooded(web.address(), 0.3, 1000)
            before, flood = memory(web), asyncio.create_task(flooded(web.address(), seconds, 1000))
            waits = []
            while not flood.done():
                made, began = push(world), time.monotonic()
                answer = await http.post(made.path, content=made.body, headers=made.headers)
                waits.append(time.monotonic() - began)
                assert answer.status_code == 202
                await asyncio.wait([flood], timeout=0.1)

        assert await flood == seconds * 1000
        assert len(await world.rows(world.tables.delivery)) == len(waits)
        assert max(waits) < 1.0 * crowd(), f"{len(waits)} deliveries, the slowest took {max(waits):.2f} s"
        assert memory(web) - before < 32 << 20
