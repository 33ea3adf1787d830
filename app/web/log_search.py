"""Look through a whole log, piece by piece: for a text that somebody types, or for what looks like an error.

However long a log is and whatever is in it, a search is bounded in memory, results and time, and only a few run at a
time in one process.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from quart import current_app

from app.db.queries import log_lines, logs
from app.deps import Deps
from app.web import log_text
from app.web.log_errors import is_error, may_be_error

MOST = 200  # hits of one search
LONGEST = 200  # characters that are looked for
SHOWN = 300  # characters of a hit's line
TIME_S = 8.0
PIECE = 2 << 20  # bytes in memory at a time
LINE = 16 << 10  # bytes of one line that are looked at
AT_ONCE = 2  # searches of one process

Matches = Callable[[bytes], bool]


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One line that was looked for."""

    line: int
    text: str  # without colours, cut


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search found."""

    hits: list[Hit]
    is_all: bool  # False: there are more hits, or it took too long
    lines: int  # that were looked at, from the first one on


def saying(text: str) -> Matches:
    """Look for a text, whatever the case of its letters; colours inside it do not matter."""
    wanted = text.lower()
    quick = wanted.encode() if wanted.isascii() else None

    def matches(raw: bytes) -> bool:
        if quick is not None and b"\x1b" not in raw:  # as almost every line is
            return quick in raw.lower()
        return wanted in log_text.plain(raw).lower()

    return matches


def failing(raw: bytes) -> bool:
    """Look for what looks like an error."""
    return may_be_error(raw) and is_error(log_text.plain(raw))


async def search(deps: Deps, attempt_id: int, matches: Matches, *, after: int = 0, most: int = MOST) -> Found:
    """Find lines of a log as far as it is now.

    Args:
        after: only lines behind the one of this number.
    """
    turns: asyncio.Semaphore = current_app.extensions.setdefault("log_searches", asyncio.Semaphore(AT_ONCE))
    async with turns:
        async with deps.begin() as db:
            offset = await log_lines.offset_of(db, attempt_id, after + 1)
            first = (await log_lines.window(db, attempt_id, offset, 1)).first_line
        return await _scan(deps, attempt_id, _Scan(matches, first, after, most), offset)


async def _scan(deps: Deps, attempt_id: int, scan: "_Scan", offset: int) -> Found:
    until, held = time.monotonic() + TIME_S, b""
    while time.monotonic() < until:
        async with deps.begin() as db:
            data = await logs.read(db, attempt_id, offset, PIECE)
        offset += len(data)
        text, held = _whole_lines(held + data, is_last=not data)
        if await asyncio.to_thread(partial(scan.take, text)) or not data:
            return scan.found(is_all=not data)
    return scan.found(is_all=False)


def _whole_lines(data: bytes, *, is_last: bool) -> tuple[bytes, bytes]:
    """Cut behind the last line that has ended; of one that never does only the beginning is kept."""
    if is_last:
        return data, b""
    at = data.rfind(b"\n") + 1
    return data[:at], data[at : at + LINE]


class _Scan:
    def __init__(self, matches: Matches, line: int, after: int, most: int) -> None:
        self._matches, self._line, self._after, self._most = matches, line, after, most
        self._hits: list[Hit] = []

    def take(self, text: bytes) -> bool:
        """Look at lines that have ended; True if there are enough hits."""
        for raw in text.removesuffix(b"\n").split(b"\n") if text else ():
            if self._line > self._after and self._matches(raw[:LINE]):
                if len(self._hits) >= self._most:
                    return True
                self._hits.append(Hit(line=self._line, text=log_text.plain(raw[:LINE])[:SHOWN]))
            self._line += 1
        return False

    def found(self, *, is_all: bool) -> Found:
        return Found(hits=self._hits, is_all=is_all, lines=self._line - 1)
