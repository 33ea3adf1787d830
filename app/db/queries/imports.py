"""Imports: results from elsewhere, each file taken once for each place it is read for."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.models import Import
from app.db.queries import measurements
from app.db.tables import commit, measurement


async def add(
    db: AsyncConnection, repository_id: int, sha256: str, *, format: str, note: str, imported_by: str
) -> int | None:
    """Note an import; None if the same was taken before."""
    new = insert(Import).values(
        repository_id=repository_id, sha256=sha256, format=format, note=note, imported_by=imported_by
    )
    added: int | None = await db.scalar(new.on_conflict_do_nothing(constraint="import_once").returning(col(Import.id)))
    return added


async def taken_before(db: AsyncConnection, repository_id: int, sha256: str) -> tuple[int, str, str, int]:
    """Read an import that was noted: id, format, note and how many measurements it brought."""
    mine = (col(Import.repository_id) == repository_id, col(Import.sha256) == sha256)
    row = (await db.execute(sa.select(col(Import.id), col(Import.format), col(Import.note)).where(*mine))).one()
    counted = sa.select(sa.func.count()).select_from(measurement).where(measurement.c.import_id == row.id)
    return row.id, row.format, row.note, int(await db.scalar(counted) or 0)


async def know(
    db: AsyncConnection, commit_id: int, *, committed_at: datetime | None, title: str, author: str
) -> datetime | None:
    """Keep what a history says of a commit of which git has said nothing yet; gives its new place in the order."""
    if committed_at is None:
        return None
    said = {"committed_at": committed_at, "title": title, "author": author}
    unknown = (commit.c.id == commit_id, commit.c.committed_at.is_(None))
    moved = await db.scalar(sa.update(commit).where(*unknown).values(**said).returning(commit.c.id))
    if moved is None:
        return None
    await measurements.move(db, commit_id, committed_at)
    return committed_at
