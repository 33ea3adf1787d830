"""Tell systemd that this process is ready, alive and ending (sd_notify(3)); silence where nobody asked."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import MutableMapping


class Watchdog:
    """The socket on which systemd listens. Scripts must not speak there: its name leaves the environment."""

    def __init__(self, outside: MutableMapping[str, str] = os.environ) -> None:
        place = outside.pop("NOTIFY_SOCKET", "")
        for_this = outside.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        given = outside.pop("WATCHDOG_USEC", "")
        self.every_s = int(given) / 1e6 / 3 if given.isdigit() and for_this else 0.0
        self._address = "\0" + place[1:] if place.startswith("@") else place
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) if place else None
        self.is_heard = self._socket is not None

    def tell(self, *words: str) -> None:
        """Send assignments, as `READY=1`. What systemd does not take is no reason to stop working."""
        if self._socket is not None:
            try:
                self._socket.sendto("\n".join(words).encode(), self._address)
            except OSError:
                return

    def close(self) -> None:
        """Say nothing more."""
        if self._socket is not None:
            self._socket.close()

    async def beat(self) -> None:
        """Say that we are alive, three times as often as asked, for as long as the event loop turns."""
        while self.every_s > 0:
            self.tell("WATCHDOG=1")
            await asyncio.sleep(self.every_s)
