"""Bisections and their steps."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import Search
from app.db.tables import bisection, bisection_step, comparison, comparison_row, job, pipeline, repository
from app.history.bisection import Tried
from app.states import ENDED

now = sa.func.now()


async def add(db: AsyncConnection, **values: Any) -> int:
    """Begin one; its first step follows with the next round."""
    return int((await db.execute(insert(bisection).values(**values).returning(bisection.c.id))).scalar_one())


async def running(db: AsyncConnection, *, limit: int = 100) -> list[int]:
    """List those that go on, the oldest first."""
    asked = sa.select(bisection.c.id).where(bisection.c.ended_at.is_(None)).order_by(bisection.c.id).limit(limit)
    return list(await db.scalars(asked))


async def lock(db: AsyncConnection, bisection_id: int, *, wait: bool = False) -> sa.RowMapping | None:
    """Take one that goes on; None if it has ended, or another process has it and `wait` is not said."""
    mine = sa.select(bisection).where(bisection.c.id == bisection_id, bisection.c.ended_at.is_(None))
    return (await db.execute(mine.with_for_update(skip_locked=not wait))).mappings().one_or_none()


_named = sa.select(bisection, repository.c.full_name.label("repository"), repository.c.forge).join_from(
    bisection, repository, repository.c.id == bisection.c.repository_id
)


async def get(db: AsyncConnection, bisection_id: int) -> sa.RowMapping | None:
    """Read one."""
    return (await db.execute(_named.where(bisection.c.id == bisection_id))).mappings().one_or_none()


async def list_(
    db: AsyncConnection,
    *,
    repository_id: int | None = None,
    shift_id: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[sa.RowMapping]:
    """List them, the newest first."""
    asked = _named.order_by(bisection.c.id.desc()).limit(limit)
    if repository_id is not None:
        asked = asked.where(bisection.c.repository_id == repository_id)
    if shift_id is not None:
        asked = asked.where(bisection.c.shift_id == shift_id)
    if before is not None:
        asked = asked.where(bisection.c.id < before)
    return list((await db.execute(asked)).mappings())


async def steps(db: AsyncConnection, bisection_id: int) -> list[sa.RowMapping]:
    """List the steps in their order."""
    asked = sa.select(bisection_step).where(bisection_step.c.bisection_id == bisection_id)
    return list((await db.execute(asked.order_by(bisection_step.c.number))).mappings())


async def begin_step(db: AsyncConnection, bisection_id: int, number: int, place: int) -> None:
    """Write down what is tried next, before anything is queued for it: a crash between both does it again."""
    await db.execute(insert(bisection_step).values(bisection_id=bisection_id, number=number, place=place))


async def set_pipeline(db: AsyncConnection, bisection_id: int, number: int, pipeline_id: int) -> None:
    """Say which pipeline a step waits for."""
    mine = (bisection_step.c.bisection_id == bisection_id, bisection_step.c.number == number)
    await db.execute(sa.update(bisection_step).where(*mine).values(pipeline_id=pipeline_id))


async def end_step(db: AsyncConnection, bisection_id: int, number: int, tried: Tried, **told: Any) -> None:
    """Say what a step came to: `change`, `low`, `high`, `note`."""
    mine = (bisection_step.c.bisection_id == bisection_id, bisection_step.c.number == number)
    await db.execute(sa.update(bisection_step).where(*mine).values(tried=tried, ended_at=now, **told))


async def direct(db: AsyncConnection, bisection_id: int, *, is_worse: bool) -> None:
    """Say what is searched for, as its ends show it."""
    await db.execute(sa.update(bisection).where(bisection.c.id == bisection_id).values(is_worse=is_worse))


async def end(db: AsyncConnection, bisection_id: int, state: Search, *, note: str, culprit: str | None = None) -> None:
    """Say how it ended."""
    told = {"state": state, "note": note[:1000], "culprit": culprit, "ended_at": now}
    await db.execute(sa.update(bisection).where(bisection.c.id == bisection_id).values(**told))


async def jobs_of(db: AsyncConnection, pipeline_id: int) -> list[sa.RowMapping]:
    """List the jobs of a step's pipeline: state and reason, those that a retry replaced left out."""
    asked = sa.select(job.c.id, job.c.state, job.c.reason, pipeline.c.error).join_from(
        pipeline, job, sa.and_(job.c.pipeline_id == pipeline.c.id, sa.not_(job.c.replaced)), isouter=True
    )
    return list((await db.execute(asked.where(pipeline.c.id == pipeline_id))).mappings())


async def open_jobs(db: AsyncConnection, bisection_id: int) -> list[int]:
    """List the jobs of its steps that have not ended."""
    asked = sa.select(job.c.id).join_from(job, bisection_step, bisection_step.c.pipeline_id == job.c.pipeline_id)
    open_ = job.c.state.not_in([state.value for state in ENDED])
    return list(await db.scalars(asked.where(bisection_step.c.bisection_id == bisection_id, open_)))


async def rows(db: AsyncConnection, pipeline_id: int, about: Mapping[str, Any]) -> Sequence[sa.RowMapping] | None:
    """Read what a step's comparison says of the benchmark and metric; None while it is not over."""
    mine = (comparison.c.pipeline_id == pipeline_id, comparison.c.is_over)
    found = await db.scalar(sa.select(comparison.c.id).where(*mine).order_by(comparison.c.id.desc()).limit(1))
    if found is None:
        return None
    names = ("identity", "verdict", "change", "low", "high", "note")
    asked = sa.select(*(comparison_row.c[name] for name in names)).where(
        comparison_row.c.comparison_id == found,
        comparison_row.c.benchmark == about["benchmark"],
        comparison_row.c.metric == about["metric"],
    )
    return (await db.execute(asked.order_by(comparison_row.c.identity))).mappings().all()
