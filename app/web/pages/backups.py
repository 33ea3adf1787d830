"""Backups by the clock, for admins: when the last one was, how large, and what became of the others."""

from dataclasses import dataclass
from datetime import datetime

from quart import Response

from app.db.queries import backups
from app.rights import Right
from app.web import admission
from app.web.api.backups import BackupRow
from app.web.pages.answer import PAGE, answer, deps, number, page


@dataclass(frozen=True, kw_only=True)
class BackupsView:
    """`/admin/backups`."""

    items: list[BackupRow]
    next: int | None
    first: bool
    wanted: bool  # a folder for them is set where this page comes from
    failing: bool  # the last one failed
    last_good_at: datetime | None


@page("/admin/backups")
async def all_backups() -> Response:
    """List backups, the newest first."""
    await admission.insist(Right.ADMINISTER)
    before = number("before")
    async with deps().begin() as db:
        rows = await backups.list_(db, before=before, limit=PAGE + 1)
        standing = await backups.standing(db)
        good = await backups.last_good(db)
    view = BackupsView(
        items=[BackupRow(**each) for each in rows[:PAGE]],
        next=int(rows[PAGE - 1]["id"]) if len(rows) > PAGE else None,
        first=before is None,
        wanted=deps().settings.backup_dir is not None,
        failing=standing is not None and standing.failing,
        last_good_at=good,
    )
    return await answer("admin_backups.html", view)
