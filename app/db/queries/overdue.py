"""Rows that wait in vain: jobs no board will take, results nobody read."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries.placing import OF_JOB, Lack, may_start, meets, places
from app.db.tables import attempt, job, pipeline, result
from app.states import JobState

QUEUE_LIMIT_S = 24 * 3600.0  # a job may wait so long
NOBODY_S = 30.0  # so long a target may have no board at all: a configuration is being changed
UNREAD_S = 5.0  # a result's own task has so much time

now = sa.func.now()
_waited_s = sa.extract("epoch", now - job.c.queued_at)
_somewhere = sa.select(1).select_from(places).correlate(job, pipeline)
_is_offered = _somewhere.where(meets(OF_JOB, Lack.NEVER)).exists()
_is_alive = _somewhere.where(meets(OF_JOB, Lack.AWAY)).exists()
_queued = (
    sa.select(
        job.c.id,
        job.c.board_type,
        job.c.configuration,
        _is_offered.label("is_offered"),
        _is_alive.label("is_alive"),
    )
    .select_from(job.join(pipeline))
    .where(job.c.state == JobState.QUEUED)
)


@dataclass(frozen=True, kw_only=True)
class GivenUp:
    """A queued job that is not waited for any longer."""

    job_id: int
    state: JobState
    reason: str


async def given_up(db: AsyncConnection, limit: int) -> list[GivenUp]:
    """List queued jobs that no registered board could ever run, and those that waited over the limit.

    What waits for other jobs first waits for no board yet. A board that is away is nobody's fault: its job
    is skipped. One that is there but busy: timed out.
    """
    due = sa.or_(sa.and_(_waited_s > QUEUE_LIMIT_S, may_start), sa.and_(_waited_s > NOBODY_S, sa.not_(_is_offered)))
    rows = await db.execute(_queued.where(due).order_by(job.c.id).limit(limit))
    return [_why(*row) for row in rows]


def _why(job_id: int, board_type: str, configuration: str, is_offered: bool, is_alive: bool) -> GivenUp:
    hours = QUEUE_LIMIT_S / 3600
    if not is_offered:
        reason = f"config: no registered builder offers {configuration!r} on {board_type!r}"
        return GivenUp(job_id=job_id, state=JobState.ERRORED, reason=reason)
    if is_alive:
        reason = f"limit: {board_type!r} was busy for {hours:.0f} hours"
        return GivenUp(job_id=job_id, state=JobState.TIMED_OUT, reason=reason)
    reason = f"board away: {board_type!r} was not to be had for {hours:.0f} hours"
    return GivenUp(job_id=job_id, state=JobState.SKIPPED, reason=reason)


async def unread_results(db: AsyncConnection, limit: int) -> list[int]:
    """List ended attempts whose result files were not read: the task that should was lost."""
    age = sa.func.make_interval(0, 0, 0, 0, 0, 0, UNREAD_S)
    unread = (
        sa.select(attempt.c.id)
        .join(result, result.c.attempt_id == attempt.c.id)
        .where(result.c.ingested_at.is_(None), attempt.c.ended_at < now - age)
        .group_by(attempt.c.id)
        .order_by(attempt.c.id)
        .limit(limit)
    )
    return list(await db.scalars(unread))


async def needs_failed(db: AsyncConnection, limit: int) -> list[tuple[int, str]]:
    """List queued jobs of groups that need another one in which a job ended without passing, with that job's story."""
    needed = job.alias("needed")
    wanted = (
        sa.select(job.c.id, needed.c.target_group, needed.c.id, needed.c.state)
        .ext(distinct_on(job.c.id))
        .join(needed, sa.and_(needed.c.pipeline_id == job.c.pipeline_id, needed.c.target_group == sa.any_(job.c.needs)))
        .where(job.c.state == JobState.QUEUED, job.c.needs != sa.cast([], sa.ARRAY(sa.Text)))
        .where(sa.not_(needed.c.replaced), needed.c.ended_at.is_not(None), needed.c.state != JobState.PASSED)
        .order_by(job.c.id, needed.c.id)
        .limit(limit)
    )
    rows = await db.execute(wanted)
    return [
        (mine, f"needs group {group!r}, whose job {job_id} ended as {state}") for mine, group, job_id, state in rows
    ]
