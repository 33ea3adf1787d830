"""Backups by the clock, as they came about."""

from datetime import datetime

from pydantic import Field

from app.db.queries import backups
from app.deps import Deps
from app.rights import Right
from app.web.api.operations import Told, operation
from app.web.api.paging import Page, Paged, page
from app.web.auth import Actor


class BackupRow(Told):
    """One backup by the clock."""

    id: int
    file: str = Field(description="its name in RIGLINE_BACKUP_DIR")
    machine: str = Field(description="whose folder that is")
    begun_at: datetime
    ended_at: datetime | None = Field(description="null: it is being written")
    size: int | None = Field(description="bytes of the file; null: it did not come about")
    rows: int | None
    error: str = Field(description="why it did not come about")
    removed_at: datetime | None = Field(description="when later ones took its place")


@operation("GET", "/backups", right=Right.ADMINISTER, query=Paged, answer=Page[BackupRow])
async def list_backups(deps: Deps, *, actor: Actor, query: Paged) -> Page[BackupRow]:
    """List the backups that were made by the clock, the newest first."""
    async with deps.begin() as db:
        found = await backups.list_(db, before=query.cursor or None, limit=query.limit + 1)
    return page([BackupRow(**each) for each in found], limit=query.limit)
