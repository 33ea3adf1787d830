"""Locks between the processes of one builder: files that the kernel unlocks when their holder ends, however it ends."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path


class FileLock:
    """Who holds this file's lock has what it stands for. Waiting may be cancelled."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: int | None = None

    def try_acquire(self) -> bool:
        """Take the lock if it is free."""
        place = self._open()
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(place)
            return False
        self._held = place
        return True

    async def acquire(self) -> None:
        """Take the lock, in its time."""
        if self.try_acquire():
            return
        place, loop = self._open(), asyncio.get_running_loop()
        got: asyncio.Future[None] = loop.create_future()

        def deliver() -> None:
            if got.cancelled():
                os.close(place)  # nobody waits any more: the next one's turn
            else:
                self._held = place
                got.set_result(None)

        def wait() -> None:
            fcntl.flock(place, fcntl.LOCK_EX)
            with contextlib.suppress(RuntimeError):  # the loop has ended, and soon this process
                loop.call_soon_threadsafe(deliver)

        # A daemon: a lock that nobody gives back must not keep this process from ending.
        threading.Thread(target=wait, daemon=True).start()
        await got

    def fileno(self) -> int:
        """Name the open file that holds the lock, for another process to hold it too."""
        assert self._held is not None
        return self._held

    def release(self) -> None:
        """Give the lock back."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold the lock for a block."""
        await self.acquire()
        try:
            yield
        finally:
            self.release()

    def _open(self) -> int:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


class Slots:
    """So many may work at once. Who finds all taken waits for one of them, whichever chance gave it."""

    def __init__(self, folder: Path, count: int) -> None:
        self._locks = [FileLock(folder / f"slot-{number}") for number in range(count)]
        self._mine: FileLock | None = None

    async def acquire(self) -> None:
        """Take a slot."""
        self._mine = next((each for each in self._locks if each.try_acquire()), None)
        if self._mine is None:
            chosen = self._locks[os.getpid() % len(self._locks)]
            await chosen.acquire()
            self._mine = chosen

    def release(self) -> None:
        """Give the slot back."""
        if self._mine is not None:
            self._mine.release()
            self._mine = None
