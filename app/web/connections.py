"""The open connections of a server, and how those that do not end by themselves are given up."""

import asyncio
from typing import Any

from hypercorn.asyncio import run
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.config import Config
from hypercorn.events import Closed


class Counted(Config):
    """Hypercorn's settings, which also know the connections that were made with them and are open."""

    def __init__(self) -> None:
        self.connections: set[Connection] = set()

    async def give_up(self) -> None:
        """Give up every connection that is open; returns before the last request has noticed."""
        for each in [*self.connections]:
            await each.give_up()


class Connection(TCPServer):
    """A connection that can be given up.

    Hypercorn would cancel its task instead: the request that works for it would never hear of it and go on with a
    database that is closed, a client that reads nothing would make the end fail, and Python 3.11 writes a trace for
    each.
    """

    _is_given_up = False
    _reading: asyncio.Task[Any] | None = None

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._known = self.config.connections if isinstance(self.config, Counted) else set()

    async def run(self) -> None:
        """Serve it to its end."""
        self._known.add(self)
        try:
            await super().run()
        finally:
            self._known.discard(self)

    async def _read_data(self) -> None:
        """Read what the client sends; who has sent the next request ahead is not read from, and noticed by nobody."""
        self._reading = asyncio.current_task()
        try:
            await super()._read_data()
        except asyncio.CancelledError:
            if not self._is_given_up or self._reading is None:
                raise
            self._reading.uncancel()
        finally:
            self._reading = None

    async def give_up(self) -> None:
        """Let its request hear that the client went away, and send nothing any more: not even half an answer."""
        self._is_given_up = True
        await self.protocol.handle(Closed())
        self.writer.transport.abort()
        if self._reading is not None:
            self._reading.cancel()


async def give_up_late(config: Counted, stop: asyncio.Event, after_s: float) -> None:
    """Once `stop` is set, let connections end for so long, and give up what is left."""
    await stop.wait()
    await asyncio.sleep(after_s)
    await config.give_up()


run.TCPServer = Connection  # type: ignore[assignment, attr-defined]  # hypercorn takes no class from outside
