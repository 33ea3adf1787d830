"""The Unix socket by which a script hears that it should end: the line `"Exit"`, as EJ says it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path

EXIT = b'"Exit"\n'
ACK_S = 0.5  # how long an answer is waited for; the ladder goes on without it
MAX_PATH = 100  # bytes: the kernel takes 107


class ChildSocket:
    """One socket per job; any number of scripts may be connected, and all are told.

    A script that connects after the job was told to end is told at once.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rigline-", dir=_short_folder()))
        self.path = self.folder / "s"
        self.writers: set[asyncio.StreamWriter] = set()
        self.acknowledged = asyncio.Event()
        self.ending = False
        self.server: asyncio.Server | None = None

    async def __aenter__(self) -> ChildSocket:
        self.server = await asyncio.start_unix_server(self._serve, path=self.path)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.server is not None:
            self.server.close()
        for writer in self.writers:
            writer.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def tell_exit(self) -> None:
        """Ask every connected script to end, and give it a moment to say `"Ack"`."""
        self.ending = True
        listening = bool(self.writers)
        for writer in list(self.writers):
            self._send_exit(writer)
        if listening:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.acknowledged.wait(), ACK_S)

    def _send_exit(self, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, RuntimeError):
            writer.write(EXIT)
            writer.write_eof()  # EJ closes after the line; only our half, so that the answer can come

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        if self.ending:
            self._send_exit(writer)
        with contextlib.suppress(OSError, ValueError, asyncio.LimitOverrunError):
            while line := await reader.readline():
                if line.strip() == b'"Ack"':
                    self.acknowledged.set()
        self.writers.discard(writer)
        writer.close()


def _short_folder() -> str | None:
    """Choose a folder for temporary files whose path fits into a socket address."""
    return None if len(tempfile.gettempdir().encode()) + 20 < MAX_PATH else "/tmp"  # noqa: S108
