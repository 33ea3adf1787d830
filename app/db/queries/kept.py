"""Remove what was kept for as long as the settings say: logs and artefacts of attempts that ended long ago."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import artefact_piece, attempt, log_chunk

now = sa.func.now()


async def remove_logs(db: AsyncConnection, *, days: int, at_once: int) -> int:
    """Remove the logs of some attempts that ended so many days ago; return of how many."""
    old = sa.select(attempt.c.id).where(attempt.c.log_removed_at.is_(None), *_ended(days))
    return await _remove(db, old, log_chunk, attempt.c.log_removed_at, at_once)


async def remove_artefacts(db: AsyncConnection, *, days: int, at_once: int) -> int:
    """Remove the artefacts of some attempts that ended so many days ago; their names stay. Return of how many."""
    has_some = sa.exists().where(artefact_piece.c.attempt_id == attempt.c.id)
    old = sa.select(attempt.c.id).where(attempt.c.artefacts_removed_at.is_(None), has_some, *_ended(days))
    return await _remove(db, old, artefact_piece, attempt.c.artefacts_removed_at, at_once)


def _ended(days: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (attempt.c.ended_at < now - sa.func.make_interval(0, 0, 0, days),)


async def _remove(
    db: AsyncConnection, old: sa.Select[tuple[int]], pieces: sa.Table, column: sa.Column[Any], at_once: int
) -> int:
    """Delete the pieces of the oldest attempts, those that nobody else is at."""
    chosen = old.order_by(attempt.c.ended_at).limit(at_once).with_for_update(skip_locked=True, of=attempt)
    ids = list((await db.execute(chosen)).scalars())
    await db.execute(sa.delete(pieces).where(pieces.c.attempt_id.in_(ids)))
    await db.execute(sa.update(attempt).where(attempt.c.id.in_(ids)).values({column.name: now}))
    return len(ids)
