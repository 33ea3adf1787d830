"""The line before the boards, and jobs by what they are of: for programs."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import sight
from app.db.queries.placing import OF_JOB, is_queued
from app.db.tables import attempt, board, builder, job, pipeline, repository
from app.states import JobState

_PLACE = sa.func.row_number().over(partition_by=job.c.board_type, order_by=[*OF_JOB.stands.clauses])
_held = (
    sa.select(builder.c.name.label("builder"), board.c.name.label("on_board"), attempt.c.phase, attempt.c.opened_at)
    .join_from(attempt, board, board.c.id == attempt.c.board_id)
    .join(builder, builder.c.id == attempt.c.builder_id)
    .where(attempt.c.job_id == job.c.id, attempt.c.ended_at.is_(None))
    .lateral("held")
)
_OF_JOB = ("id", "pipeline_id", "state", "board_type", "board", "configuration", "tags", "priority", "queued_at")
_OF_PIPELINE = ("commit", "branch", "pull_request", "kind")


async def open_jobs(
    db: AsyncConnection,
    *,
    board_type: str | None = None,
    repository_id: int | None = None,
    state: JobState | None = None,
    after: int = 0,
    limit: int = 50,
) -> list[sa.RowMapping]:
    """List the jobs that have not ended, by id; those in a queue with their place in the line of their board type."""
    asked = (
        sa.select(
            *(job.c[name] for name in _OF_JOB),
            *(pipeline.c[name] for name in _OF_PIPELINE),
            repository.c.id.label("repository_id"),
            repository.c.forge,
            repository.c.full_name.label("repository"),
            *_held.c,
        )
        .join_from(job, pipeline, pipeline.c.id == job.c.pipeline_id)
        .join(repository, repository.c.id == pipeline.c.repository_id)
        .outerjoin(_held, sa.true())
        .where(job.c.ended_at.is_(None), job.c.id > after)
    )
    conditions = {job.c.board_type: board_type, repository.c.id: repository_id, job.c.state: state}
    for column, wanted in conditions.items():
        if wanted is not None:
            asked = asked.where(column == wanted)
    return list((await db.execute(asked.order_by(job.c.id).limit(limit))).mappings())


async def places(db: AsyncConnection, job_ids: list[int]) -> dict[int, int]:
    """Say where queued jobs stand in the line of their board type, 1 first: by class and by how long they wait."""
    line = sa.select(job.c.id, _PLACE.label("place")).join_from(job, pipeline, pipeline.c.id == job.c.pipeline_id)
    placed = line.where(is_queued).subquery("placed")
    wanted = sa.select(placed.c.id, placed.c.place).where(placed.c.id == sa.func.any(sa.bindparam("ids", type_=_IDS)))
    with sight.everything():  # others stand in the line too
        return {job_id: place for job_id, place in await db.execute(wanted, {"ids": job_ids})}


_IDS = sa.ARRAY(sa.Integer)


async def totals(db: AsyncConnection) -> dict[str, Any]:
    """Count what there is now: open jobs by state, builders and boards by theirs."""
    jobs = sa.select(job.c.state, sa.func.count()).where(job.c.ended_at.is_(None)).group_by(job.c.state)
    builders = sa.select(builder.c.state, sa.func.count()).where(builder.c.state != "retired").group_by(builder.c.state)
    boards = (
        sa.select(board.c.health, sa.func.count())
        .join_from(board, builder, builder.c.id == board.c.builder_id)
        .where(board.c.offered, builder.c.state != "retired")
        .group_by(board.c.health)
    )
    served = sa.select(sa.func.count()).select_from(repository).where(repository.c.removed_at.is_(None))
    with sight.everything():  # what is private is counted, and not named
        open_ = {state.value: count for state, count in await db.execute(jobs)}
    return {
        "jobs": open_,
        "builders": {state.value: count for state, count in await db.execute(builders)},
        "boards": {health.value: count for health, count in await db.execute(boards)},
        "repositories": int(await db.scalar(served) or 0),
    }
