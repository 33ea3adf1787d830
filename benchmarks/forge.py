"""A GitHub that takes every status at once, so that nothing but the service is measured."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

ANSWER = json.dumps(  # to whatever is asked: a right, the head of a branch
    {
        "id": 1,
        "permission": "write",
        "role_name": "write",
        "user": {"id": 7, "login": "ada"},
        "object": {"sha": "b" * 40, "type": "commit"},
    }
).encode()
HEAD = b"HTTP/1.1 %d OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n"
LIMIT = 60.0  # seconds until a status must be here


class Statuses:
    """What came, and who waits for it."""

    def __init__(self) -> None:
        self.received = 0
        self._final: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def take(self, path: str, body: bytes) -> None:
        """Note one status."""
        self.received += 1
        if json.loads(body)["state"] != "pending":
            self._final[path.rpartition("/")[2]].set()

    async def final(self, commit: str) -> None:
        """Wait until a commit shows how it ended.

        Raises:
            TimeoutError: it does not, in a minute.
        """
        async with asyncio.timeout(LIMIT):
            await self._final[commit].wait()


@asynccontextmanager
async def listening(port: int, statuses: Statuses) -> AsyncIterator[None]:
    """Listen on loopback."""

    async with asyncio.TaskGroup() as connections:
        tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tasks.add(connections.create_task(_serve(reader, writer, statuses)))

        server = await asyncio.start_server(accept, "127.0.0.1", port)
        try:
            yield
        finally:
            server.close()
            for task in tasks:
                task.cancel()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, statuses: Statuses) -> None:
    try:
        while True:
            await _one(reader, writer, statuses)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, statuses: Statuses) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    method, path, _ = head.split(" ", 2)
    body = await reader.readexactly(_length(head))
    if method == "POST" and "/statuses/" in path:
        statuses.take(path, body)
    writer.write(HEAD % (_status(method, path), len(ANSWER)) + ANSWER)


def _status(method: str, path: str) -> int:
    if "/contents/" in path:
        return 404  # the repository has no rules of its own
    return 201 if method == "POST" else 200


def _length(head: str) -> int:
    for line in head.lower().split("\r\n"):
        if line.startswith("content-length:"):
            return int(line.partition(":")[2])
    return 0
