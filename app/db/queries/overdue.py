"""Rows that wait in vain: jobs no board will take, results nobody read."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries.placing import OF_JOB, Lack, is_queued, may_start, meets, places
from app.db.queries.why import waits
from app.db.tables import attempt, job, pipeline, result, turn
from app.states import JobState

BOARD_AWAY = "board away: "  # so begins the reason of a job whose board was not to be had
TURN_S = 24 * 3600.0  # a turn is remembered so long
UNREAD_S = 5.0  # a result's own task has so much time

now = sa.func.now()
_waited_s = sa.extract("epoch", now - job.c.queued_at)
_somewhere = sa.select(1).select_from(places).correlate(job, pipeline)
_is_offered = _somewhere.where(meets(OF_JOB, Lack.NEVER)).exists()
_is_alive = _somewhere.where(meets(OF_JOB, Lack.AWAY)).exists()
_is_late = sa.and_(_waited_s > sa.bindparam("queue_limit_s", type_=sa.Double), may_start)
_due = (
    sa.select(job.c.id, job.c.board_type, _is_offered.label("is_offered"), _is_alive.label("is_alive"))
    .select_from(job.join(pipeline))
    .where(is_queued, sa.or_(_is_late, sa.not_(_is_offered)))
    .order_by(job.c.id)
    .limit(sa.bindparam("at_most", type_=sa.Integer))
)


@dataclass(frozen=True, kw_only=True)
class GivenUp:
    """A queued job that is not waited for any longer."""

    job_id: int
    state: JobState
    reason: str


async def given_up(db: AsyncConnection, limit: int, queue_limit_s: float) -> list[GivenUp]:
    """List queued jobs that no registered board could ever run, and those that waited over the limit.

    What waits for other jobs first waits for no board yet. A board that is away is nobody's fault: its job
    is skipped. One that is there but busy: timed out.
    """
    rows = list(await db.execute(_due, {"at_most": limit, "queue_limit_s": queue_limit_s}))
    known = await waits(db, [row.id for row in rows])
    return [_verdict(row, known[row.id].text, queue_limit_s) for row in rows if row.id in known]


def _verdict(row: sa.Row[Any], why: str, queue_limit_s: float) -> GivenUp:
    waited = f"{queue_limit_s / 3600:g} hours" if queue_limit_s >= 3600 else f"{queue_limit_s / 60:g} minutes"
    if not row.is_offered:
        return GivenUp(job_id=row.id, state=JobState.ERRORED, reason=f"config: no such board: {why}")
    if row.is_alive:
        reason = f"queue: {row.board_type!r} was busy for {waited}"
        return GivenUp(job_id=row.id, state=JobState.TIMED_OUT, reason=reason)
    reason = f"{BOARD_AWAY}{row.board_type!r} was not to be had for {waited}; at last {why}"
    return GivenUp(job_id=row.id, state=JobState.SKIPPED, reason=reason)


async def unread_results(db: AsyncConnection, limit: int) -> list[int]:
    """List ended attempts whose result files were not read: the task that should was lost."""
    return list(await db.scalars(_unread(limit)))


@lru_cache(maxsize=4)
def _unread(limit: int) -> sa.Select[Any]:
    age = sa.func.make_interval(0, 0, 0, 0, 0, 0, UNREAD_S)
    return (
        sa.select(attempt.c.id)
        .join(result, result.c.attempt_id == attempt.c.id)
        .where(result.c.ingested_at.is_(None), attempt.c.ended_at < now - age)
        .group_by(attempt.c.id)
        .order_by(attempt.c.id)
        .limit(limit)
    )


async def forget_turns(db: AsyncConnection) -> int:
    """Forget the turns of lines that had none for long: the oldest of their jobs waits since it was queued by now."""
    old = turn.c.taken_at < now - sa.func.make_interval(0, 0, 0, 0, 0, 0, TURN_S)
    return (await db.execute(sa.delete(turn).where(old))).rowcount


async def needs_failed(db: AsyncConnection, limit: int) -> list[tuple[int, str]]:
    """List queued jobs of groups that need another one in which a job ended without passing, with that job's story."""
    return [
        (mine, f"needs group {group!r}, whose job {job_id} ended as {state}")
        for mine, group, job_id, state in await db.execute(_needs_failed(limit))
    ]


@lru_cache(maxsize=4)
def _needs_failed(limit: int) -> sa.Select[Any]:
    needed = job.alias("needed")
    return (
        sa.select(job.c.id, needed.c.target_group, needed.c.id, needed.c.state)
        .ext(distinct_on(job.c.id))
        .join(needed, sa.and_(needed.c.pipeline_id == job.c.pipeline_id, needed.c.target_group == sa.any_(job.c.needs)))
        .where(job.c.state == JobState.QUEUED, job.c.needs != sa.cast([], sa.ARRAY(sa.Text)))
        .where(sa.not_(needed.c.replaced), needed.c.ended_at.is_not(None), needed.c.state != JobState.PASSED)
        .order_by(job.c.id, needed.c.id)
        .limit(limit)
    )
