"""Schedules: when each rule of a repository that goes by the clock is due, by the database's clock."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.models import Pipeline, Repository, Schedule, Trigger
from app.db.queries.repositories import PLAIN

RUNS = 3  # of a schedule that are listed
LOOKED_THROUGH = 500  # newest pipelines of a repository among which they are found
UNBORN = "-"  # the default branch has no commit, or its rules cannot be used


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A rule that goes by the clock."""

    rule: str
    cron: str
    zone: str
    next_at: datetime.datetime


@dataclass(frozen=True, kw_only=True)
class Due:
    """A schedule whose time has come."""

    id: int
    repository_id: int
    rule: str
    cron: str
    zone: str
    next_at: datetime.datetime
    late_s: float  # since then


async def clock(db: AsyncConnection) -> datetime.datetime:
    """Read the database's clock."""
    return (await db.execute(sa.select(sa.func.now()))).scalar_one()


async def due(db: AsyncConnection, limit: int) -> list[Due]:
    """List what is due of repositories that are served, the longest due first."""
    late_s = sa.cast(sa.func.extract("epoch", sa.func.now() - col(Schedule.next_at)), sa.Double).label("late_s")
    own = (Schedule.id, Schedule.repository_id, Schedule.rule, Schedule.cron, Schedule.zone, Schedule.next_at)
    asked = (
        sa.select(*(col(each) for each in own), late_s)
        .join(Repository, col(Repository.id) == col(Schedule.repository_id))
        .where(col(Schedule.next_at) <= sa.func.now(), col(Repository.removed_at).is_(None))
        .where(col(Schedule.paused_at).is_(None))
        .order_by(col(Schedule.next_at), col(Schedule.id))
        .limit(limit)
    )
    return [Due(**row) for row in (await db.execute(asked)).mappings()]


async def advance(db: AsyncConnection, done: Due, next_at: datetime.datetime | None) -> bool:
    """Note that a schedule was seen to; False if another process did. None: there is no next time."""
    mine = (col(Schedule.id) == done.id, col(Schedule.next_at) == done.next_at)
    if next_at is None:
        gone = sa.delete(Schedule).where(*mine).returning(col(Schedule.id))
        return await db.scalar(gone) is not None
    change = sa.update(Schedule).where(*mine).values(next_at=next_at, last_at=sa.func.now())
    return await db.scalar(change.returning(col(Schedule.id))) is not None


async def follow(db: AsyncConnection, repository_id: int, commit: str | None, wanted: Sequence[Wanted]) -> None:
    """Make a repository's schedules those of a base commit. One that did not change keeps its next time."""
    change = sa.update(Repository).where(col(Repository.id) == repository_id)
    await db.execute(change.values(policy_commit=commit or UNBORN))
    gone = sa.delete(Schedule).where(col(Schedule.repository_id) == repository_id)
    await db.execute(gone.where(col(Schedule.rule).not_in([each.rule for each in wanted])))
    for each in wanted:
        values = {"cron": each.cron, "zone": each.zone, "next_at": each.next_at}
        new = insert(Schedule).values(repository_id=repository_id, rule=each.rule, **values)
        is_new = sa.or_(col(Schedule.cron) != each.cron, col(Schedule.zone) != each.zone)
        await db.execute(new.on_conflict_do_update(constraint="schedule_once", set_=values, where=is_new))


async def unread(db: AsyncConnection, limit: int) -> list[int]:
    """List served repositories whose rules nobody has looked at for schedules since they changed on the service."""
    asked = sa.select(col(Repository.id)).where(
        col(Repository.policy_commit).is_(None), col(Repository.removed_at).is_(None), col(Repository.forge) != PLAIN
    )
    return list(await db.scalars(asked.order_by(col(Repository.id)).limit(limit)))


async def list_(
    db: AsyncConnection, *, repository_id: int | None = None, only: int | None = None, after: int = 0, limit: int = 50
) -> list[sa.RowMapping]:
    """List the schedules of repositories that are served, by id; `only` picks one."""
    table: sa.Table = Schedule.__table__  # type: ignore[attr-defined]
    asked = (
        sa.select(table, col(Repository.forge), col(Repository.full_name).label("repository"))
        .join_from(table, Repository, col(Repository.id) == table.c.repository_id)
        .where(col(Repository.removed_at).is_(None), table.c.id > after)
    )
    for column, wanted in ((table.c.repository_id, repository_id), (table.c.id, only)):
        if wanted is not None:
            asked = asked.where(column == wanted)
    return list((await db.execute(asked.order_by(table.c.id).limit(limit))).mappings())


async def runs(db: AsyncConnection, schedule_ids: Sequence[int]) -> dict[int, list[int]]:
    """List the last pipelines that schedules opened, for each the newest first."""
    table: sa.Table = Schedule.__table__  # type: ignore[attr-defined]
    newest = (
        sa.select(col(Pipeline.id), col(Pipeline.rule), col(Pipeline.trigger))
        .where(col(Pipeline.repository_id) == table.c.repository_id)
        .order_by(col(Pipeline.id).desc())
        .limit(LOOKED_THROUGH)
        .correlate(table)
        .lateral("newest")
    )
    mine = (
        sa.select(newest.c.id)
        .where(newest.c.rule == table.c.rule, newest.c.trigger == Trigger.SCHEDULE)
        .order_by(newest.c.id.desc())
        .limit(RUNS)
        .lateral("mine")
    )
    asked = sa.select(table.c.id, mine.c.id.label("pipeline_id")).join(mine, sa.true())
    found: dict[int, list[int]] = {}
    for row in await db.execute(asked.where(table.c.id.in_(schedule_ids)).order_by(mine.c.id.desc())):
        found.setdefault(row.id, []).append(row.pipeline_id)
    return found


async def rest(db: AsyncConnection, schedule_id: int, *, by: str) -> None:
    """Pause a schedule; one that rests already goes on resting since then."""
    mine = sa.update(Schedule).where(col(Schedule.id) == schedule_id, col(Schedule.paused_at).is_(None))
    await db.execute(mine.values(paused_at=sa.func.now(), paused_by=by))


async def wake(db: AsyncConnection, schedule_id: int, next_at: datetime.datetime) -> None:
    """Let a paused schedule go on at its next time; one that is not paused stays as it is."""
    mine = sa.update(Schedule).where(col(Schedule.id) == schedule_id, col(Schedule.paused_at).is_not(None))
    await db.execute(mine.values(paused_at=None, paused_by="", next_at=next_at))


async def of_repository(db: AsyncConnection, repository_id: int) -> list[sa.RowMapping]:
    """List the schedules of a repository by name."""
    table: sa.Table = Schedule.__table__  # type: ignore[attr-defined]
    asked = sa.select(table).where(table.c.repository_id == repository_id).order_by(table.c.rule)
    return list((await db.execute(asked)).mappings())
