"""Turn what happened into news for those who asked for it. Any number of workers may do this at once."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import News, Triage
from app.db.queries import notifications, pipelines, presence, shifts, subscriptions
from app.db.queries.notifications import About
from app.db.queries.shifting import BY_ITSELF
from app.deps import Deps
from app.notify import payload

OF_LAB = (News.BOARD_OUT, News.BOARD_GOOD, News.BUILDER_AWAY, News.BUILDER_BACK)
AT_ONCE = 20  # shifts, or pipelines, of one transaction
LOCK = 0x7269_6711  # advisory: one worker at a time looks for failed pipelines


async def tell_due(deps: Deps) -> int:
    """Write down all news there is; return how many pieces were written."""
    of_work = await _tell_shifts(deps) + await _tell_pipelines(deps)
    return of_work + await _tell_boards(deps) + await _tell_builders(deps)


async def _tell_shifts(deps: Deps) -> int:
    told = 0
    while True:
        async with deps.begin() as db:
            rows = await notifications.untold(db, AT_ONCE)
            for row in rows:
                told += await _tell(db, row, deps.settings.public_url)
        if len(rows) < AT_ONCE:
            return told


async def _tell(db: AsyncConnection, row: sa.RowMapping, public_url: str) -> int:
    """Tell of one shift what it is now: what it was meanwhile is no news any more."""
    event, view, count = event_of(row), await shifts.get(db, row["id"]), 0
    if event is not None and view is not None and not view.is_muted:
        largest = await shifts.change_points(db, row["id"], limit=payload.LARGEST)
        about = About(repository_id=view.repository_id, shift_id=view.id, version=row["version"])
        said = payload.of_shift(event, view, largest, public_url=public_url)
        count = await notifications.add(db, event, about, said)
    await notifications.told(db, row["id"], row["version"])
    return count


def event_of(row: Any) -> News | None:
    """Say what is new of a shift; None if there is nothing to say to who never heard of it."""
    state, is_first, by_itself = row["state"], row["told_version"] == 0, row["said_by"] == BY_ITSELF
    if state == Triage.NEW and row["said_by"] in ("", BY_ITSELF):
        if not is_first:
            return News.REOPENED
        return News.OPENED if row["is_worse"] else News.IMPROVED
    if not by_itself:
        return News.TRIAGED
    if is_first:
        return None
    return News.RECOVERED if state == Triage.RECOVERED else News.WITHDRAWN


async def _tell_pipelines(deps: Deps) -> int:
    async with deps.begin() as db:
        if not await db.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(LOCK))):
            return 0
        told = 0
        for pipeline_id in await notifications.failed_pipelines(db, AT_ONCE):
            view = await pipelines.get(db, pipeline_id)
            if view is not None:
                about = About(repository_id=view.repository_id, pipeline_id=view.id)
                said = payload.of_pipeline(view, public_url=deps.settings.public_url)
                told += await notifications.add(db, News.PIPELINE_FAILED, about, said)
    return told


async def _tell_boards(deps: Deps) -> int:
    told = 0
    while True:
        async with deps.begin() as db:
            row = await notifications.board_with_news(db)
            if row is None:
                return told
            told += await _tell_board(deps, db, row)


async def _tell_board(deps: Deps, db: AsyncConnection, row: sa.RowMapping) -> int:
    """Tell who asked for the news of boards, and by mail, where there is a server for it, the board's owner."""
    owners = await _owners(deps, db, [row["owner"]])
    event = News.BOARD_OUT if row["told_out"] else News.BOARD_GOOD
    said = payload.of_board(event, dict(row), public_url=deps.settings.public_url)
    return await notifications.add(db, event, About(owners=owners), said)


async def _owners(deps: Deps, db: AsyncConnection, named: Sequence[str]) -> tuple[str, ...]:
    """Subscribe the owners of boards, where there is a server for their mail."""
    owners = sorted({each for each in named if each}) if deps.settings.smtp_url is not None else []
    for owner in owners:
        await subscriptions.of_owner(db, owner, OF_LAB)
    return tuple(owners)


async def _tell_builders(deps: Deps) -> int:
    """Tell of builders that are away for long, and of their return; of none while nobody could be heard."""
    told = 0
    while True:
        async with deps.begin() as db:
            is_heard = await presence.is_heard(db)
            row = await notifications.builder_with_news(db, deps.settings.builder_away_s) if is_heard else None
            if row is None:
                return told
            boards = await notifications.boards_of(db, row["id"])
            event = News.BUILDER_AWAY if row["told_away"] else News.BUILDER_BACK
            names = [each["name"] for each in boards]
            said = payload.of_builder(event, dict(row), names, public_url=deps.settings.public_url)
            about = About(owners=await _owners(deps, db, [each["owner"] for each in boards]))
            told += await notifications.add(db, event, about, said)
