"""Backups by the clock, into a folder of the settings: once, however many workers there are.

The first is made at once, so that a folder that cannot be written shows. One that failed is tried again after a while,
and an alert says so until one succeeds.
"""

import asyncio
import datetime
import socket
from pathlib import Path
from typing import Any

import structlog

from app.backup import keeping, standing, writing
from app.db.queries import alerts, backups
from app.deps import Deps
from app.errors import StartupError

EVERY_S = 20.0
RETRY = datetime.timedelta(minutes=15)
LOCK = 0x7269_6706  # advisory: one worker at a time

log = structlog.get_logger()


async def run_due(deps: Deps) -> bool:
    """Make the backup that is due, if there is a folder for it and no other worker is at it."""
    folder = deps.settings.backup_dir
    if folder is None:
        return False
    async with deps.alone(LOCK) as is_ours:
        if not is_ours:
            return False
        async with deps.begin() as db:
            await backups.give_up_open(db)  # nobody else can be at one: we have the lock
            last, now = await backups.last(db), await backups.clock(db)
        due = last is None or _is_due(deps.settings.backup_schedule, last, now)
        if due:
            await _make(deps, folder, now)
        return due


def _is_due(schedule: str, last: Any, now: datetime.datetime) -> bool:
    if last["error"]:
        return bool(now - last["begun_at"] >= RETRY)
    next_at = standing.due_at(schedule, last["begun_at"])
    return next_at is not None and next_at <= now


async def _make(deps: Deps, folder: Path, now: datetime.datetime) -> None:
    name, machine = keeping.name_of(now), socket.gethostname()
    async with deps.begin() as db:
        backup_id = await backups.begin(db, name, machine)
    try:
        await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        wrote = await writing.write_file(deps.settings.database_url, folder / name, _wish(deps))
        size = (await asyncio.to_thread((folder / name).stat)).st_size
    except (StartupError, OSError) as problem:
        await _tell(deps, backup_id, folder, str(problem))
        return
    async with deps.begin() as db:
        await backups.done(db, backup_id, size=size, rows=wrote.rows)
        await alerts.resolve(db, alerts.BACKUP_FAILED, str(folder))
    log.info("backup_made", file=name, size=size, rows=wrote.rows)
    await _clear(deps, folder, machine)


async def _clear(deps: Deps, folder: Path, machine: str) -> None:
    keep = deps.settings
    gone = await asyncio.to_thread(keeping.clear, folder, days=keep.keep_backups_days, weeks=keep.keep_backups_weeks)
    if gone:
        async with deps.begin() as db:
            await backups.removed(db, machine, gone)
        log.info("backups_removed", files=gone)


async def _tell(deps: Deps, backup_id: int, folder: Path, problem: str) -> None:
    log.error("backup_failed", folder=str(folder), error=problem)
    async with deps.begin() as db:
        await backups.failed(db, backup_id, problem)
        await alerts.raise_(db, alerts.BACKUP_FAILED, str(folder), f"The backup into {folder} failed: {problem}")


def _wish(deps: Deps) -> writing.Wish:
    sealed_by = deps.settings.backup_passphrase
    return writing.Wish(
        secret_key=deps.settings.secret_key.get_secret_value(),
        passphrase=sealed_by.get_secret_value().encode() if sealed_by else None,
    )
