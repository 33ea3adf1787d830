"""A proxy in front of several web processes: each connection goes to one that says it is ready, as long as it lasts."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx2

CHECK_S = 0.1
LOOK_S = 2.0  # for an answer to one check
PIECE = 64 << 10


class Balancer:
    """Passes bytes on; knows nothing of HTTP but `/readyz`, and tries nothing twice."""

    def __init__(self, backends: Sequence[str]) -> None:
        self.ready: set[str] = set()
        self._backends = backends
        self._turn = itertools.count()
        self._news = asyncio.Event()

    async def check(self) -> None:
        """Ask every backend again and again whether it is ready."""
        async with httpx2.AsyncClient(timeout=LOOK_S) as http, asyncio.TaskGroup() as group:
            for backend in self._backends:
                group.create_task(self._check(http, backend))

    async def _check(self, http: httpx2.AsyncClient, backend: str) -> None:
        while True:
            try:
                is_ready = (await http.get(f"{backend}/readyz")).status_code == 200
            except httpx2.HTTPError:
                is_ready = False
            (self.ready.add if is_ready else self.ready.discard)(backend)
            self._news.set()
            await asyncio.sleep(CHECK_S)

    async def passes(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection; nothing comes back where no backend is ready for long."""
        with contextlib.suppress(OSError, TimeoutError):
            host, _, port = (await self._choose()).removeprefix("http://").partition(":")
            behind, before = await asyncio.open_connection(host, int(port))
            await asyncio.gather(_pump(reader, before), _pump(behind, writer))
        writer.close()

    async def _choose(self) -> str:
        async with asyncio.timeout(30):
            while not self.ready:
                self._news.clear()
                await self._news.wait()
        found = sorted(self.ready)
        return found[next(self._turn) % len(found)]


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(PIECE):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def balancing(backends: Sequence[str]) -> AsyncIterator[str]:
    """Run a proxy; yields its address."""
    balancer = Balancer(backends)
    checking = asyncio.create_task(balancer.check())
    server = await asyncio.start_server(balancer.passes, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        checking.cancel()
        server.close()
