"""Rows that wait in vain: jobs no board will take, results nobody read."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import BuilderState, Health
from app.db.queries.boards import matches
from app.db.tables import attempt, board, builder, configuration, job, result
from app.states import JobState
from builders.protocol import LEASE_S

QUEUE_LIMIT_S = 24 * 3600.0  # a job may wait so long
NOBODY_S = 30.0  # so long a target may have no board at all: a configuration is being changed
UNREAD_S = 5.0  # a result's own task has so much time

now = sa.func.now()
_waited_s = sa.extract("epoch", now - job.c.queued_at)
_offering = (
    sa.select(1)
    .select_from(board.join(configuration).join(builder, builder.c.id == board.c.builder_id))
    .where(matches, builder.c.state != BuilderState.RETIRED)
    .correlate(job)
)
_alive = _offering.where(
    builder.c.seen_at > now - sa.func.make_interval(0, 0, 0, 0, 0, 0, 2 * LEASE_S),
    builder.c.state == BuilderState.ACTIVE,
    board.c.health.in_([Health.UNKNOWN, Health.GOOD]),
)
_queued = sa.select(
    job.c.id,
    job.c.board_type,
    job.c.configuration,
    sa.exists(_offering).label("is_offered"),
    sa.exists(_alive).label("is_alive"),
).where(job.c.state == JobState.QUEUED)


@dataclass(frozen=True, kw_only=True)
class GivenUp:
    """A queued job that is not waited for any longer."""

    job_id: int
    state: JobState
    reason: str


async def given_up(db: AsyncConnection, limit: int) -> list[GivenUp]:
    """List queued jobs that no registered board could ever run, and those that waited over the limit.

    A board that is away is nobody's fault: its job is skipped. One that is there but busy: timed out.
    """
    due = sa.or_(_waited_s > QUEUE_LIMIT_S, sa.and_(_waited_s > NOBODY_S, sa.not_(sa.exists(_offering))))
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
