"""Artefacts of attempts: stored piece by piece, kept compressed, named by the finish."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import zstandard
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import artefact, artefact_piece, attempt
from app.errors import TooLarge
from builders.protocol import MAX_ARTEFACTS_SIZE, MAX_CHUNK, ArtefactFile

LEVEL = 3  # of zstd


async def put_piece(db: AsyncConnection, attempt_id: int, number: int, piece: int, data: bytes) -> None:
    """Keep one piece of an artefact of an attempt whose row the caller has locked; sent again, the last one stands.

    Raises:
        TooLarge: the attempt's artefacts would be over their limit.
    """
    here = sa.and_(artefact_piece.c.number == number, artefact_piece.c.piece == piece)
    others = sa.select(sa.func.sum(artefact_piece.c.size)).where(
        artefact_piece.c.attempt_id == attempt_id, sa.not_(here)
    )
    if (await db.scalar(others) or 0) + len(data) > MAX_ARTEFACTS_SIZE:
        raise TooLarge(f"The artefacts of a job are {MAX_ARTEFACTS_SIZE} bytes at most.")
    packed = zstandard.ZstdCompressor(level=LEVEL).compress(data)
    new = insert(artefact_piece).values(attempt_id=attempt_id, number=number, piece=piece, size=len(data), data=packed)
    changed = {"size": new.excluded.size, "data": new.excluded.data}
    await db.execute(new.on_conflict_do_update(index_elements=list(artefact_piece.primary_key), set_=changed))


async def is_whole(db: AsyncConnection, attempt_id: int, named: ArtefactFile) -> bool:
    """Compare what is stored of an artefact with what its builder says of it."""
    digest, size = hashlib.sha256(), 0
    async for data in pieces(db, attempt_id, named.number):
        size += len(data)
        digest.update(data)
    return (size, digest.hexdigest()) == (named.size, named.sha256)


async def name(db: AsyncConnection, attempt_id: int, named: Sequence[ArtefactFile]) -> None:
    """Keep what the artefacts of an attempt are called: from now on they can be read."""
    values = [
        {"attempt_id": attempt_id, "number": each.number, "name": each.name, "size": each.size, "sha256": each.sha256}
        for each in named
    ]
    if values:
        await db.execute(sa.insert(artefact), values)


async def of_attempt(db: AsyncConnection, attempt_id: int) -> list[sa.RowMapping]:
    """List the artefacts of an attempt."""
    wanted = sa.select(artefact).where(artefact.c.attempt_id == attempt_id).order_by(artefact.c.number)
    return list((await db.execute(wanted)).mappings())


async def get(db: AsyncConnection, attempt_id: int, number: int) -> sa.RowMapping | None:
    """Read what is known of one artefact."""
    wanted = sa.select(artefact).where(artefact.c.attempt_id == attempt_id, artefact.c.number == number)
    return (await db.execute(wanted)).mappings().one_or_none()


async def removed_at(db: AsyncConnection, attempt_id: int) -> datetime | None:
    """Say when the artefacts of an attempt were removed; None while they are here."""
    return await db.scalar(sa.select(attempt.c.artefacts_removed_at).where(attempt.c.id == attempt_id))


async def piece(db: AsyncConnection, attempt_id: int, number: int, at: int) -> bytes | None:
    """Read one piece; None behind the last one, or when it was removed."""
    wanted = _pieces(attempt_id, number).where(artefact_piece.c.piece == at)
    row = (await db.execute(wanted)).one_or_none()
    return None if row is None else _unpacked(row)


async def pieces(db: AsyncConnection, attempt_id: int, number: int) -> AsyncIterator[bytes]:
    """Read an artefact piece by piece."""
    async with db.stream(_pieces(attempt_id, number).order_by(artefact_piece.c.piece)) as rows:
        async for row in rows:
            yield _unpacked(row)


def _pieces(attempt_id: int, number: int) -> sa.Select[Any]:
    wanted = sa.select(artefact_piece.c.size, artefact_piece.c.data)
    return wanted.where(artefact_piece.c.attempt_id == attempt_id, artefact_piece.c.number == number)


def _unpacked(row: sa.Row[Any]) -> bytes:
    return (
        zstandard.ZstdDecompressor().decompress(row.data, max_output_size=min(row.size, MAX_CHUNK)) if row.size else b""
    )
