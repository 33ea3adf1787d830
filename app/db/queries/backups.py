"""Backups by the clock: the rows that say what became of each."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import backup

ERROR_LIMIT = 1000  # characters
INTERRUPTED = "its worker ended before it was whole"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How it stands with backups: ages by the database's clock, in seconds; None: there is none."""

    age_s: float | None  # of the last good one, since it began
    size: int | None  # bytes of that one
    failing: bool  # the last one failed


async def last(db: AsyncConnection) -> sa.RowMapping | None:
    """Read the newest one, with the database's clock as `now`."""
    asked = sa.select(backup, sa.func.now().label("now")).order_by(backup.c.id.desc()).limit(1)
    return (await db.execute(asked)).mappings().one_or_none()


async def begin(db: AsyncConnection, file: str, machine: str) -> int:
    """Note that one begins."""
    new = sa.insert(backup).values(file=file, machine=machine).returning(backup.c.id)
    return int((await db.execute(new)).scalar_one())


async def done(db: AsyncConnection, backup_id: int, *, size: int, rows: int) -> None:
    """Note that one is whole."""
    await _end(db, backup_id, size=size, rows=rows)


async def failed(db: AsyncConnection, backup_id: int, error: str) -> None:
    """Note why one did not come about."""
    await _end(db, backup_id, error=error.replace("\0", "")[:ERROR_LIMIT] or "unknown")


async def _end(db: AsyncConnection, backup_id: int, **values: Any) -> None:
    change = sa.update(backup).where(backup.c.id == backup_id, backup.c.ended_at.is_(None))
    await db.execute(change.values(ended_at=sa.func.now(), **values))


async def give_up_open(db: AsyncConnection) -> None:
    """Note of those that never ended that nobody is at them any more; the caller makes sure of that."""
    change = sa.update(backup).where(backup.c.ended_at.is_(None))
    await db.execute(change.values(ended_at=sa.func.now(), error=INTERRUPTED))


async def removed(db: AsyncConnection, machine: str, files: Sequence[str]) -> None:
    """Note that files were removed, as later ones took their place."""
    mine = (backup.c.machine == machine, backup.c.file.in_(files), backup.c.removed_at.is_(None))
    await db.execute(sa.update(backup).where(*mine).values(removed_at=sa.func.now()))


async def list_(db: AsyncConnection, *, before: int | None, limit: int) -> list[sa.RowMapping]:
    """List them, the newest first."""
    asked = sa.select(backup).order_by(backup.c.id.desc()).limit(limit)
    if before is not None:
        asked = asked.where(backup.c.id < before)
    return list((await db.execute(asked)).mappings())


async def standing(db: AsyncConnection) -> Standing | None:
    """Say how it stands; None: no backup was ever begun by the clock."""
    age = sa.cast(sa.func.extract("epoch", sa.func.now() - backup.c.begun_at), sa.Double).label("age_s")
    ended = sa.select(backup.c.error, backup.c.size, age).where(backup.c.ended_at.is_not(None))
    newest = (await db.execute(ended.order_by(backup.c.id.desc()).limit(1))).one_or_none()
    if newest is None:
        return None
    good = (await db.execute(ended.where(backup.c.error == "").order_by(backup.c.id.desc()).limit(1))).one_or_none()
    return Standing(age_s=good.age_s if good else None, size=good.size if good else None, failing=newest.error != "")


async def last_good(db: AsyncConnection) -> datetime.datetime | None:
    """Say when the last good one began."""
    asked = sa.select(sa.func.max(backup.c.begun_at)).where(backup.c.error == "", backup.c.ended_at.is_not(None))
    found: datetime.datetime | None = await db.scalar(asked)
    return found


async def clock(db: AsyncConnection) -> datetime.datetime:
    """Read the database's clock."""
    found: datetime.datetime = (await db.execute(sa.select(sa.func.now()))).scalar_one()
    return found
