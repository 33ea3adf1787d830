"""Where lines of a log are, and when they came: by the counts that are kept with its pieces."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import zstandard
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import log_chunk

MOST_PIECES = 4096  # of one window; a window of single bytes is shorter than it could be
TOGETHER = timedelta(seconds=1)
COUNTED_AT_ONCE = 256  # pieces from before lines were counted
_mine = log_chunk.c.attempt_id == sa.bindparam("attempt_id_")
_before = (
    sa.func.coalesce(sa.func.sum(log_chunk.c.lines).over(order_by=log_chunk.c.start), 0) - log_chunk.c.lines
).label("before")


@dataclass(frozen=True, kw_only=True)
class Window:
    """Some bytes of a log."""

    start: int
    data: bytes
    first_line: int  # the number of the line that `start` is in
    times: list[tuple[int, datetime | None]]  # when the bytes from each offset on came; ascending


async def window(db: AsyncConnection, attempt_id: int, start: int, size: int) -> Window:
    """Read bytes from an offset on, with the number of the first line and the times at which they came."""
    await _count(db, attempt_id)
    pieces = await _pieces(db, attempt_id, start, size)
    first = pieces[0].start if pieces else start
    whole = b"".join(_unpack(each) for each in pieces)
    skipped = start - first
    line = await _lines_before(db, attempt_id, first) + whole[:skipped].count(b"\n") + 1
    times = [(max(start, each.start), each.arrived_at) for each in pieces]
    return Window(start=start, data=whole[skipped : skipped + size], first_line=line, times=times)


async def piece(db: AsyncConnection, attempt_id: int, start: int, size: int) -> tuple[bytes, datetime | None]:
    """Read bytes that came within a second, and say when the first of them did."""
    pieces = await _pieces(db, attempt_id, start, size)
    came = pieces[0].arrived_at if pieces else None
    together = [each for each in pieces if came is None or (each.arrived_at or came) - came <= TOGETHER]
    data = b"".join(_unpack(each) for each in together)
    skipped = start - pieces[0].start if pieces else 0
    return data[skipped : skipped + size], came


async def _pieces(db: AsyncConnection, attempt_id: int, start: int, size: int) -> Sequence[Any]:
    first = sa.select(sa.func.max(log_chunk.c.start)).where(_mine, log_chunk.c.start <= start)
    wanted = (
        sa.select(log_chunk.c.start, log_chunk.c.size, log_chunk.c.data, log_chunk.c.arrived_at)
        .where(_mine, log_chunk.c.start >= first.scalar_subquery(), log_chunk.c.start < start + size)
        .order_by(log_chunk.c.start)
        .limit(MOST_PIECES)
    )
    return (await db.execute(wanted, {"attempt_id_": attempt_id})).all()


async def offset_of(db: AsyncConnection, attempt_id: int, line: int) -> int:
    """Find where a line begins, numbered from 1; behind the end it is where the last one does."""
    await _count(db, attempt_id)
    ends = line - 1  # newlines before it
    if ends <= 0:
        return 0
    counted = sa.select(log_chunk.c.start, log_chunk.c.size, _before).where(_mine).subquery()
    wanted = (
        sa.select(log_chunk.c.start, log_chunk.c.size, log_chunk.c.data, counted.c.before)
        .join(counted, counted.c.start == log_chunk.c.start)
        .where(_mine, counted.c.before < ends)
        .order_by(log_chunk.c.start.desc())
        .limit(1)
    )
    piece = (await db.execute(wanted, {"attempt_id_": attempt_id})).one_or_none()
    return 0 if piece is None else int(piece.start) + _after(_unpack(piece), ends - piece.before)


async def lines(db: AsyncConnection, attempt_id: int) -> int:
    """Count the lines that have ended."""
    await _count(db, attempt_id)
    total = sa.select(sa.func.coalesce(sa.func.sum(log_chunk.c.lines), 0)).where(_mine)
    return int(await db.scalar(total, {"attempt_id_": attempt_id}) or 0)


async def _lines_before(db: AsyncConnection, attempt_id: int, start: int) -> int:
    counted = sa.select(sa.func.coalesce(sa.func.sum(log_chunk.c.lines), 0)).where(_mine, log_chunk.c.start < start)
    return int(await db.scalar(counted, {"attempt_id_": attempt_id}) or 0)


def _after(data: bytes, newlines: int) -> int:
    """Find the offset behind so many newlines, or behind the last one there is."""
    at = 0
    for _ in range(newlines):
        found = data.find(b"\n", at)
        if found < 0:
            break
        at = found + 1
    return at


async def _count(db: AsyncConnection, attempt_id: int) -> None:
    """Count the lines of pieces that were stored before anybody did."""
    uncounted = sa.select(log_chunk.c.start, log_chunk.c.size, log_chunk.c.data).where(_mine)
    uncounted = uncounted.where(log_chunk.c.lines.is_(None)).order_by(log_chunk.c.start).limit(COUNTED_AT_ONCE)
    change = sa.update(log_chunk).where(_mine, log_chunk.c.start == sa.bindparam("start_"))
    change = change.values(lines=sa.bindparam("lines_"))
    while found := (await db.execute(uncounted, {"attempt_id_": attempt_id})).all():
        counts = [{"start_": each.start, "lines_": _unpack(each).count(b"\n")} for each in found]
        await db.execute(change, [{"attempt_id_": attempt_id, **each} for each in counts])


def _unpack(piece: Any) -> bytes:
    return zstandard.ZstdDecompressor().decompress(piece.data, max_output_size=piece.size)
