"""Delete pipelines and jobs with all that hangs on them, in the order that the foreign keys allow."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.models import (
    Artefact,
    ArtefactPiece,
    Attempt,
    AttemptBoard,
    Board,
    Builder,
    Comparison,
    Configuration,
    Job,
    LogChunk,
    Measurement,
    Pipeline,
    Result,
    Status,
)
from app.db.queries import analysis
from app.db.tables import conversation
from app.errors import Conflict
from app.states import ENDED

Ids = sa.Select[tuple[int]]


async def remove_pipeline(db: AsyncConnection, pipeline_id: int) -> list[int]:
    """Delete an ended pipeline: jobs, logs, results, measurements and statuses.

    Returns:
        The jobs that have not ended; if there are any, nothing was deleted.
    Raises:
        Conflict: its last status is not on the forge yet; without the row it would stay pending there for ever.
    """
    await db.execute(sa.select(col(Pipeline.id)).where(col(Pipeline.id) == pipeline_id).with_for_update())
    mine = col(Job.pipeline_id) == pipeline_id
    still_open = await _open(db, mine)
    if still_open:
        return still_open
    due = sa.and_(col(Status.sent_version) < col(Status.version), col(Status.closed).is_(None))
    if await db.scalar(
        sa.select(sa.exists(sa.select(col(Status.id)).where(col(Status.pipeline_id) == pipeline_id, due)))
    ):
        raise Conflict(f"The last status of pipeline {pipeline_id} is not on the forge yet. Try again in a moment.")
    await _remove_jobs(db, mine)
    await _fall_silent(db, pipeline_id)
    await db.execute(sa.delete(Status).where(col(Status.pipeline_id) == pipeline_id))
    await db.execute(sa.delete(Pipeline).where(col(Pipeline.id) == pipeline_id))
    return []


async def _fall_silent(db: AsyncConnection, pipeline_id: int) -> None:
    """Let the comment on a pull request stand as it is: what it speaks of goes."""
    mine = sa.update(conversation).where(conversation.c.pipeline_id == pipeline_id)
    await db.execute(mine.values(pipeline_id=None, sent_version=conversation.c.version))


async def remove_job(db: AsyncConnection, job_id: int) -> bool:
    """Delete an ended job with its logs, results and measurements; False if it has not ended."""
    mine = col(Job.id) == job_id
    if await _open(db, mine):
        return False
    await _remove_jobs(db, mine)
    return True


async def _open(db: AsyncConnection, mine: Any) -> list[int]:
    asked = sa.select(col(Job.id), col(Job.state)).where(mine).order_by(col(Job.id)).with_for_update()
    return [row.id for row in await db.execute(asked) if row.state not in ENDED]


async def _remove_jobs(db: AsyncConnection, mine: Any) -> None:
    attempts = sa.select(col(Attempt.id)).join(Job, col(Job.id) == col(Attempt.job_id)).where(mine)
    measured = sa.select(col(Measurement.series_id)).where(col(Measurement.attempt_id).in_(attempts))
    await analysis.mark_due(db, await db.scalars(measured))  # change points that hung on these points may be none
    for owned in (Comparison, LogChunk, Result, Measurement, ArtefactPiece, Artefact, AttemptBoard):
        await db.execute(sa.delete(owned).where(col(owned.attempt_id).in_(attempts)))
    jobs = sa.select(col(Job.id)).where(mine)
    await db.execute(sa.delete(Attempt).where(col(Attempt.job_id).in_(jobs)))
    await db.execute(sa.delete(Job).where(mine))


async def remove_builder(db: AsyncConnection, builder_id: int) -> bool:
    """Delete a builder that never had a job, with its boards; False if it has history."""
    await db.execute(sa.select(col(Builder.id)).where(col(Builder.id) == builder_id).with_for_update())
    had = sa.exists(sa.select(col(Attempt.id)).where(col(Attempt.builder_id) == builder_id))
    if await db.scalar(sa.select(had)):
        return False
    boards = sa.select(col(Board.id)).where(col(Board.builder_id) == builder_id)
    checks = await db.scalars(sa.delete(Job).where(col(Job.board_id).in_(boards)).returning(col(Job.pipeline_id)))
    await db.execute(sa.delete(Pipeline).where(col(Pipeline.id).in_(list(checks))))
    await db.execute(sa.delete(Configuration).where(col(Configuration.board_id).in_(boards)))
    await db.execute(sa.delete(Board).where(col(Board.builder_id) == builder_id))
    await db.execute(sa.delete(Builder).where(col(Builder.id) == builder_id))
    return True
