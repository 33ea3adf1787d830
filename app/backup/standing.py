"""Whether backups by the clock come when they should."""

import datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import backups
from app.policy import cron
from app.settings import Settings

PATIENCE = datetime.timedelta(hours=1)  # for a worker to come to it


class Standing(StrEnum):
    """How it stands with them."""

    OFF = "off"  # none is wanted, as far as this process knows
    OK = "ok"
    NONE = "none"
    FAILED = "failed"
    OVERDUE = "overdue"


ADVICE = {
    Standing.NONE: "No backup by the clock was made yet: does a worker run, and has it RIGLINE_BACKUP_DIR?",
    Standing.FAILED: "The last backup by the clock failed; it is tried again. `rigline backup list` says why.",
    Standing.OVERDUE: "A backup by the clock did not come: does a worker run, and has it RIGLINE_BACKUP_DIR?",
}


def due_at(schedule: str, begun_at: datetime.datetime) -> datetime.datetime | None:
    """Say when the next one is due after one that began then; None if never."""
    return cron.parse(schedule).after(begun_at, datetime.UTC)


async def judge(db: AsyncConnection, settings: Settings) -> Standing:
    """Say how it stands by the rows; what is due only where this process has the folder, and so the schedule."""
    last, found = await backups.last(db), await backups.standing(db)
    if found is not None and found.failing:
        return Standing.FAILED
    if settings.backup_dir is None:
        return Standing.OFF if last is None else Standing.OK
    if last is None:
        return Standing.NONE
    due = due_at(settings.backup_schedule, last["begun_at"])
    return Standing.OVERDUE if due is not None and due + PATIENCE < last["now"] else Standing.OK
