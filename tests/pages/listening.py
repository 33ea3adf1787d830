"""Read server-sent events as a browser does."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

PATIENCE = 10  # seconds until a test gives up


@dataclass
class Heard:
    """One event."""

    kind: str
    data: str
    id: str | None

    @property
    def text(self) -> str:
        return str(json.loads(self.data)["text"])


@dataclass
class Line:
    """An open line to the service."""

    lines: AsyncIterator[str]
    found: list[Heard] = field(default_factory=list)
    at: str | None = None  # the last id, as a browser keeps it

    async def next(self) -> Heard | None:
        """Wait for the next event; None at the end of the line."""
        said: dict[str, Any] = {}
        async with asyncio.timeout(PATIENCE):
            async for line in self.lines:
                if not line and "data" not in said:
                    self.at = said.get("id", self.at)
                    said = {}
                elif not line:
                    self.at = said.get("id", self.at)
                    self.found.append(Heard(said.get("event", "message"), said["data"], said.get("id")))
                    return self.found[-1]
                name, _, value = line.partition(": ")
                if name:
                    said[name] = value
        return None

    async def opened(self) -> None:
        """Wait for the first sign of life, after which nothing is missed."""
        async with asyncio.timeout(PATIENCE):
            await anext(line async for line in self.lines if line.startswith(":"))

    async def rest(self) -> list[Heard]:
        """Read to the end of the line."""
        while await self.next():
            pass
        return self.found


@asynccontextmanager
async def listening(url: str, **headers: str) -> AsyncIterator[Line]:
    """Open a line."""
    async with (
        httpx2.AsyncClient(timeout=httpx2.Timeout(PATIENCE, read=None)) as http,
        http.stream("GET", url, headers=headers) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        line = Line(answer.aiter_lines())
        await line.opened()
        yield line
