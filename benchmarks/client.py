"""A cheap HTTP/1.1 client for one keep-alive connection: the load must not cost what the service costs."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A status and a body."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Read the body; an answer that is no success is an error here.

        Raises:
            RuntimeError: a status of 300 or more; holds what the service said.
        """
        if self.status >= 300:
            raise RuntimeError(f"the service answered {self.status}: {self.body[:300]!r}")
        return json.loads(self.body) if self.body else None


class Client:
    """One connection, one request at a time; opened again when the service closed it."""

    def __init__(self, at: int | Path, headers: dict[str, str] | None = None) -> None:
        """Talk to a port on loopback, or to a Unix socket."""
        self._at = at
        self._fixed = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def request(self, method: str, path: str, body: bytes = b"", headers: str = "") -> Answer:
        """Send a request and read its answer. `headers` are whole lines."""
        if self._streams is not None and self._streams[0].at_eof():
            self.close()  # it was idle for longer than the service keeps a connection
        if self._streams is None:
            self._streams = await self._open()
        reader, writer = self._streams
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{self._fixed}{headers}Content-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        try:
            return await self._read(reader)
        except BaseException:
            self.close()  # half an answer would be taken for the next one
            raise

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._at, Path):
            return await asyncio.open_unix_connection(self._at)
        return await asyncio.open_connection("127.0.0.1", self._at)

    async def send(self, method: str, path: str, data: Any) -> Any:
        """Send JSON and read JSON; None if there is no content."""
        body = json.dumps(data).encode()
        return (await self.request(method, path, body, "Content-Type: application/json\r\n")).json()

    async def _read(self, reader: asyncio.StreamReader) -> Answer:
        head = await reader.readuntil(b"\r\n\r\n")
        status, length, closes = int(head[9:12]), 0, False
        for line in head.lower().split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name == b"content-length":
                length = int(value)
            closes |= name == b"connection" and value.strip() == b"close"
        body = await reader.readexactly(length) if length else b""
        if closes:
            self.close()
        return Answer(status=status, body=body)
