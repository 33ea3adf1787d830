"""The log of one attempt on disk: in order, masked, bounded, readable at any offset."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from builders.masking import Masker
from builders.protocol import MAX_LOG

logger = logging.getLogger(__name__)
MARK_ROOM = 200  # bytes kept free for the sentence that says what was left out
RECENT = 16 << 10  # bytes in memory for "the last lines"
READ_SIZE = 1 << 20
MOST_WAITING = 1000  # lines of the console


class JobLog:
    """Append only. Up to half the cap can be sent while it grows; of the rest the end is kept.

    Raises:
        OSError: of `write` and `note`, when the disk is full.
    """

    def __init__(self, folder: Path, secrets: Iterable[str] = (), cap: int = MAX_LOG) -> None:
        self.path, self.tail_path = folder / "log", folder / "log.tail"
        self.masker = Masker(secrets)
        self.head_cap = cap // 2
        self.tail_cap = cap - self.head_cap - MARK_ROOM
        self.head = open(self.path, "w+b", buffering=0)  # noqa: SIM115  # closed by close()
        self.tail: TailFile | None = None
        self.why = "the log is over its limit"
        self.cuts = 0
        self.keeps_tail = True  # False: there is no room for it, nor for the mark
        self.size = 0  # bytes that may be sent
        self.dropped = 0
        self.closed = False
        self.grown = asyncio.Event()
        self.whole = asyncio.Event()
        self.recent = b""
        self.waiting: list[tuple[bytes, bytes]] = []  # lines of the console, with their marks

    def write(self, data: bytes) -> None:
        """Append output of a command."""
        self._store(self.masker.feed(data))
        if self.waiting and not self.masker.held:
            self._catch_up()

    def note(self, text: str) -> None:
        """Append a line of the builder's own, on a line of its own."""
        self._catch_up()
        self._line(b"[rigline] ", text.encode(errors="replace"))

    def console(self, line: bytes, seconds: float) -> None:
        """Append a line of the board's console, with the time since the run began, on a line of its own.

        While the script's output may be in the middle of a secret the line waits: it must not cut it in two.
        """
        self.waiting.append((f"[serial +{seconds:.3f}] ".encode(), line))
        if not self.masker.held or len(self.waiting) > MOST_WAITING:
            self._catch_up()

    def _catch_up(self) -> None:
        waiting, self.waiting = self.waiting, []
        for mark, line in waiting:
            self._line(mark, line)

    def _line(self, mark: bytes, line: bytes) -> None:
        self._store(self.masker.flush())
        begin = b"\n" if self.recent and not self.recent.endswith(b"\n") else b""
        masked = self.masker.feed(line) + self.masker.flush()
        self._store(begin + mark + masked + b"\n")

    def close(self) -> None:
        """Join head and tail: from now on the log is whole and does not change."""
        if self.closed:
            return
        try:
            self._catch_up()
            self._store(self.masker.flush())
            if self.masker.places:
                self.note(f"{self.masker.size} bytes of secrets are masked, in {self.masker.places} places")
            self._join()
        except OSError as problem:  # the disk is full: what is on it is the log
            logger.warning("%s is not whole: %s", self.path, problem.strerror)
        self.closed = True
        self.whole.set()
        self.grown.set()

    def read(self, start: int, count: int) -> bytes:
        """Read bytes that may be sent."""
        return os.pread(self.head.fileno(), min(count, self.size - start), start)

    def cut(self, size: int, room: int) -> None:
        """Keep the first bytes and, of all that follows, the end: the service has room for so many more only."""
        self.cuts += 1
        tail = TailFile(self.path.with_name(f"log.cut-{self.cuts}"), max(1, room - MARK_ROOM))
        for start in range(size, self.size, READ_SIZE):
            tail.write(self.read(start, READ_SIZE))
        if self.tail is not None:
            self.dropped += self.tail.dropped
            for part in self.tail.parts():
                tail.write(part)
            self.tail.remove()
        self.tail, self.keeps_tail, self.why = tail, room > MARK_ROOM, "the service has no room for more"
        self.size = self.head_cap = min(size, self.size)
        os.ftruncate(self.head.fileno(), self.size)
        if self.closed:
            self._join()

    def sha256(self) -> str:
        """Digest the whole log."""
        digest = hashlib.sha256()
        for start in range(0, self.size, READ_SIZE):
            digest.update(self.read(start, READ_SIZE))
        return digest.hexdigest()

    def last_lines(self, count: int) -> list[str]:
        """Give the last lines, for a summary."""
        lines = self.recent.decode(errors="replace").splitlines()
        return [line for line in lines if not line.startswith("[rigline] ")][-count:]

    def release(self) -> None:
        """Close the file. The log stays on disk."""
        self.head.close()
        if self.tail is not None:
            self.tail.remove()

    def _join(self) -> None:
        """Put the tail behind the head, with a mark between them if something is left out."""
        if self.tail is None:
            return
        self.dropped += self.tail.dropped if self.keeps_tail else self.tail.total
        if self.keeps_tail:
            if self.dropped:
                mark = f"\n[rigline] {self.dropped} bytes are left out here: {self.why}\n"
                self._append(mark.encode())
            for part in self.tail.parts():
                self._append(part)
        self.tail.remove()
        self.tail = None

    def _store(self, data: bytes) -> None:
        if not data:
            return
        self.recent = (self.recent + data[-RECENT:])[-RECENT:]
        room = self.head_cap - self.size
        if self.closed:
            return
        if self.tail is None and room > 0:
            self._append(data[:room])
            data = data[room:]
        if data:
            if self.tail is None:
                self.tail = TailFile(self.tail_path, self.tail_cap)
            self.tail.write(data)

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self.head.fileno(), view, self.size)
            self.size += written
            view = view[written:]
        self.grown.set()


class TailFile:
    """The last bytes of a stream, in a file that is written around and around."""

    def __init__(self, path: Path, cap: int) -> None:
        self.path, self.cap = path, cap
        self.total = 0
        self.file = open(path, "w+b", buffering=0)  # noqa: SIM115  # closed by remove()

    @property
    def dropped(self) -> int:
        """How many bytes were overwritten."""
        return max(0, self.total - self.cap)

    def write(self, data: bytes) -> None:
        """Append, over the oldest bytes if need be."""
        skipped = max(0, len(data) - self.cap)
        self.total += skipped
        view = memoryview(data)[skipped:]
        while view:
            place = self.total % self.cap
            written = os.pwrite(self.file.fileno(), view[: self.cap - place], place)
            self.total += written
            view = view[written:]

    def parts(self) -> Iterable[bytes]:
        """Give what was kept, oldest first, in pieces."""
        position = self.dropped
        while position < self.total:
            place = position % self.cap
            count = min(READ_SIZE, self.cap - place, self.total - position)
            yield os.pread(self.file.fileno(), count, place)
            position += count

    def remove(self) -> None:
        """Delete the file."""
        self.file.close()
        self.path.unlink(missing_ok=True)
