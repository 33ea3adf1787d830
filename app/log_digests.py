"""SHA-256 of logs while they arrive, so that their end need not read them again.

Only a help: who finds nothing here, or another digest than a builder says, reads the rows. An entry covers the bytes
that this process itself appended one after the other from the first one on.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from app.remembered import Remembered

MOST = 2048  # logs, of some 300 bytes each
Log = tuple[int, int]  # attempt and epoch


@dataclass(frozen=True, kw_only=True)
class Digest:
    """The digest of the first `size` bytes."""

    size: int = 0
    sha256: Any  # of hashlib; nobody updates it after this was made

    def after(self, data: bytes) -> "Digest":
        """Digest so many bytes more."""
        grown = self.sha256.copy()
        grown.update(data)
        return Digest(size=self.size + len(data), sha256=grown)


class LogDigests:
    """The logs that grew last. For one event loop."""

    def __init__(self) -> None:
        self._known: Remembered[Log, Digest] = Remembered(MOST)

    def covering(self, log: Log, size: int) -> Digest | None:
        """Give the digest of exactly so many first bytes, if it is known."""
        if size == 0:
            return Digest(sha256=hashlib.sha256())
        return self._known[log] if log in self._known and self._known[log].size == size else None

    def keep(self, log: Log, digest: Digest) -> None:
        """Note what a log is now, after its bytes were stored."""
        self._known[log] = digest
