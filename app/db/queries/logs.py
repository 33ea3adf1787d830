"""Logs of attempts: appended by offset, kept compressed, read by range."""

import hashlib
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import zstandard
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import attempt, log_chunk
from app.errors import LogGap, TooLarge
from builders.protocol import MAX_LOG

READ_LIMIT = 4 << 20  # bytes that one read gives at most
LEVEL = 1  # of zstd: two thirds of the CPU of level 3, and logs become hardly larger


_grown = (
    sa.update(attempt)
    .where(attempt.c.id == sa.bindparam("attempt_id_"), attempt.c.builder_id == sa.bindparam("builder_id_"))
    .where(attempt.c.epoch == sa.bindparam("epoch_"), attempt.c.ended_at.is_(None))
    .where(attempt.c.log_size == sa.bindparam("start_"))
    .values(log_size=attempt.c.log_size + sa.bindparam("size_"))
    .returning(attempt.c.id, attempt.c.job_id)
    .cte("grown")
)
_piece = sa.select(
    _grown.c.id,
    sa.bindparam("start_", type_=log_chunk.c.start.type),
    sa.bindparam("size_", type_=log_chunk.c.size.type),
    sa.bindparam("data_", type_=log_chunk.c.data.type),
    sa.bindparam("lines_", type_=log_chunk.c.lines.type),
)
_kept = sa.insert(log_chunk).from_select(["attempt_id", "start", "size", "data", "lines"], _piece).cte("kept")
# Its commit does not wait for the disk: the builder keeps its log until the finish, whose own commit does wait, and
# sends again what a crash of the database took. The setting lasts for the statement's own transaction.
_no_wait = sa.func.set_config("synchronous_commit", "off", sa.true())
_append_next = sa.select(_grown.c.job_id, _no_wait).add_cte(_kept)


def pack(data: bytes) -> bytes:
    """Compress a piece of a log as it is kept. Takes 3 ms for a MiB, and other threads may run meanwhile."""
    return zstandard.ZstdCompressor(level=LEVEL).compress(data)


async def append_next(
    db: AsyncConnection,
    attempt_id: int,
    *,
    builder_id: int,
    epoch: int,
    start: int,
    size: int,
    packed: bytes,
    lines: int,
) -> int | None:
    """Append what comes exactly next, in one statement and so in one round trip; return the job's id.

    The connection must be one of `Deps.autocommit`: the commit is not waited for.

    Args:
        packed: `size` bytes as `pack` gives them.
        lines: that end in them.
    Returns:
        None if nothing was appended: not at the end, not this builder's open attempt, no bytes, or no room.
    """
    if not size or start + size > MAX_LOG:
        return None
    mine = {"attempt_id_": attempt_id, "builder_id_": builder_id, "epoch_": epoch}
    piece = {"start_": start, "size_": size, "data_": packed, "lines_": lines}
    job_id: int | None = await db.scalar(_append_next, mine | piece)
    return job_id


async def append(db: AsyncConnection, attempt_id: int, stored: int, start: int, data: bytes) -> int:
    """Append to a log whose row the caller has locked; return the size after it.

    What is stored already stays as it is: a repeat changes nothing, an overlap adds its new part.

    Args:
        stored: the log's size as the locked row says.
    Raises:
        LogGap: the bytes start behind the end; the answer holds the size to go back to.
        TooLarge: the log is full.
    """
    if start > stored:
        raise LogGap(f"The log has {stored} bytes; send it from there.", size=stored)
    new = data[stored - start :]
    if not new:
        return stored
    if stored + len(new) > MAX_LOG:
        raise TooLarge(f"The log is full: {MAX_LOG} bytes are kept.", size=stored)
    size = stored + len(new)
    row = {"attempt_id": attempt_id, "start": stored, "size": len(new), "data": pack(new), "lines": new.count(b"\n")}
    await db.execute(_append, row | {"log_size_": size})
    return size


_OWN = ("attempt_id", "start", "size", "data", "lines")
_add = sa.insert(log_chunk).values({name: sa.bindparam(name, type_=log_chunk.c[name].type) for name in _OWN})
_append = (
    sa.update(attempt)
    .where(attempt.c.id == sa.bindparam("attempt_id"))
    .values(log_size=sa.bindparam("log_size_"))
    .add_cte(_add.cte("added"))
)


async def size(db: AsyncConnection, attempt_id: int) -> int:
    """Tell how many bytes of log an attempt has; 0 for an unknown one."""
    return await db.scalar(sa.select(attempt.c.log_size).where(attempt.c.id == attempt_id)) or 0


async def total(db: AsyncConnection) -> int:
    """Count the bytes of all logs that are kept, as they were sent: compressed they take a fraction of it."""
    kept = sa.select(sa.func.sum(attempt.c.log_size)).where(attempt.c.log_removed_at.is_(None))
    return int(await db.scalar(kept) or 0)


async def removed_at(db: AsyncConnection, attempt_id: int) -> datetime | None:
    """Say when the log of an attempt was removed; None while it is here."""
    return await db.scalar(sa.select(attempt.c.log_removed_at).where(attempt.c.id == attempt_id))


async def read(db: AsyncConnection, attempt_id: int, start: int = 0, limit: int = READ_LIMIT) -> bytes:
    """Read bytes of a log from an offset; empty behind its end, at most `READ_LIMIT`."""
    limit = min(limit, READ_LIMIT)
    if limit <= 0:
        return b""
    # The chunk that holds the offset starts at or before it.
    first = sa.select(sa.func.max(log_chunk.c.start)).where(
        log_chunk.c.attempt_id == attempt_id, log_chunk.c.start <= start
    )
    wanted = (
        _chunks(attempt_id)
        .where(log_chunk.c.start >= first.scalar_subquery(), log_chunk.c.start < start + limit)
        .order_by(log_chunk.c.start)
    )
    parts = [_unpack(chunk)[max(0, start - chunk.start) :] for chunk in await db.execute(wanted)]
    return b"".join(parts)[:limit]


async def sha256(db: AsyncConnection, attempt_id: int, size: int) -> str:
    """Hash a whole stored log of this size; a large one chunk by chunk."""
    if size <= READ_LIMIT:
        return hashlib.sha256(await read(db, attempt_id)).hexdigest()
    digest = hashlib.sha256()
    async with db.stream(_chunks(attempt_id).order_by(log_chunk.c.start)) as chunks:
        async for chunk in chunks:
            digest.update(_unpack(chunk))
    return digest.hexdigest()


def _chunks(attempt_id: int) -> sa.Select[Any]:
    wanted = sa.select(log_chunk.c.start, log_chunk.c.size, log_chunk.c.data)
    return wanted.where(log_chunk.c.attempt_id == attempt_id)


def _unpack(chunk: sa.Row[Any]) -> bytes:
    return zstandard.ZstdDecompressor().decompress(chunk.data, max_output_size=chunk.size)
