"""A proxy between a client and the service that loses answers: the request arrives, and nobody hears of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Cutting:
    """The proxy's address, and how many answers it is to lose from now on."""

    url: str = ""
    to_lose: int = 0
    lost: int = 0
    requests: list[bytes] = field(default_factory=list)  # first lines


@asynccontextmanager
async def cutting(service_url: str) -> AsyncIterator[Cutting]:
    """Listen before a service; each connection carries one request."""
    told, where = Cutting(), urlsplit(service_url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        told.requests.append(head.split(b"\r\n", 1)[0])
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        body = await reader.readexactly(length)
        up_reader, up_writer = await asyncio.open_connection(where.hostname, where.port)
        up_writer.write(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + body)
        answer = await up_reader.read()  # to its end: the service has done what was asked
        if told.to_lose:
            told.to_lose, told.lost = told.to_lose - 1, told.lost + 1
        else:
            writer.write(answer)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        for each in (writer, up_writer):
            each.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    told.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield told
