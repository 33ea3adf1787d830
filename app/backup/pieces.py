"""An archive's pieces for an event loop: a thread reads and decompresses, and nothing is held whole."""

import asyncio
from collections.abc import AsyncIterator, Callable

from app.backup.container import Reader

Tell = Callable[[int], None]


class Pieces:
    """An archive's pieces, from a thread that reads and decompresses, one table at a time."""

    def __init__(self, reader: Reader, tell: Tell | None) -> None:
        self._pieces, self._tell, self._bytes = reader.pieces(), tell, 0
        self._next: tuple[str, bytes] | None = None
        self._is_read = False

    async def next_table(self) -> str | None:
        """Name the table whose pieces come next; None at the end."""
        if not self._is_read:
            await self._step()
        return self._next[0] if self._next else None

    async def of(self, table: str) -> AsyncIterator[bytes]:
        """Give the pieces of a table, as far as they follow each other."""
        while self._next is not None and self._next[0] == table:
            yield self._next[1]
            await self._step()

    async def _step(self) -> None:
        self._next = await asyncio.to_thread(next, self._pieces, None)
        self._is_read = True
        self._bytes += len(self._next[1]) if self._next else 0
        if self._tell is not None:
            self._tell(self._bytes)
