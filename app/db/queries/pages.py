"""What the pages show of jobs and commits beside `pipelines`. Every list is bounded."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.models import Attempt, Audit, Board, Builder, BuilderState, Commit, Job, Pipeline, Repository, Result
from app.states import JobState


def _jobs() -> sa.Select[Any]:
    latest = (
        sa.select(
            col(Attempt.id).label("attempt_id"),
            col(Attempt.phase),
            col(Board.name).label("on_board"),
            col(Builder.name).label("builder"),
        )
        .join_from(Attempt, Board, col(Board.id) == col(Attempt.board_id))
        .join(Builder, col(Builder.id) == col(Attempt.builder_id))
        .where(col(Attempt.job_id) == col(Job.id))
        .order_by(col(Attempt.epoch).desc())
        .limit(1)
        .lateral("latest")
    )
    return (
        sa.select(
            *Job.__table__.columns,  # type: ignore[attr-defined]
            latest,
            col(Pipeline.commit),
            col(Pipeline.kind),
            col(Pipeline.branch),
            col(Pipeline.pull_request),
            col(Pipeline.title),
            col(Repository.forge),
            col(Repository.full_name),
        )
        .join_from(Job, Pipeline, col(Pipeline.id) == col(Job.pipeline_id))
        .join(Repository, col(Repository.id) == col(Pipeline.repository_id))
        .outerjoin(latest, sa.true())
    )


async def jobs_of(db: AsyncConnection, pipeline_id: int, *, limit: int = 1000) -> list[sa.RowMapping]:
    """List a pipeline's jobs by target, those that a retry replaced right after their replacement."""
    order = (col(Job.board_type), col(Job.configuration), col(Job.generation).desc())
    wanted = _jobs().where(col(Job.pipeline_id) == pipeline_id)
    return list((await db.execute(wanted.order_by(*order).limit(limit))).mappings())


async def jobs_in(db: AsyncConnection, states: frozenset[JobState], *, limit: int = 200) -> list[sa.RowMapping]:
    """List the jobs in some of the open states, the longest in the queue first."""
    wanted = _jobs().where(col(Job.state).in_(states), col(Job.ended_at).is_(None))
    return list((await db.execute(wanted.order_by(col(Job.queued_at), col(Job.id)).limit(limit))).mappings())


async def open_counts(db: AsyncConnection) -> dict[str, int]:
    """Count the open jobs by state."""
    wanted = sa.select(col(Job.state), sa.func.count()).where(col(Job.ended_at).is_(None)).group_by(col(Job.state))
    return {state.value: count for state, count in await db.execute(wanted)}


async def job(db: AsyncConnection, job_id: int) -> sa.RowMapping | None:
    """Read one job."""
    found: sa.RowMapping | None = (await db.execute(_jobs().where(col(Job.id) == job_id))).mappings().one_or_none()
    return found


async def attempts(db: AsyncConnection, job_id: int, *, limit: int = 50) -> list[sa.RowMapping]:
    """List a job's attempts, the latest first."""
    wanted = (
        sa.select(
            *(column for column in Attempt.__table__.columns if column.name not in ("said", "claim_id")),  # type: ignore[attr-defined]
            col(Board.name).label("board"),
            col(Builder.name).label("builder"),
        )
        .join_from(Attempt, Board, col(Board.id) == col(Attempt.board_id))
        .join(Builder, col(Builder.id) == col(Attempt.builder_id))
        .where(col(Attempt.job_id) == job_id)
    )
    return list((await db.execute(wanted.order_by(col(Attempt.epoch).desc()).limit(limit))).mappings())


async def result_files(db: AsyncConnection, attempt_id: int, *, limit: int = 200) -> list[sa.RowMapping]:
    """List an attempt's result files without their content."""
    wanted = sa.select(*(column for column in Result.__table__.columns if column.name != "data"))  # type: ignore[attr-defined]
    wanted = wanted.where(col(Result.attempt_id) == attempt_id)
    return list((await db.execute(wanted.order_by(col(Result.number)).limit(limit))).mappings())


async def audit(db: AsyncConnection, job_id: int, *, limit: int = 100) -> list[sa.RowMapping]:
    """List what happened to a job, in order."""
    wanted = sa.select(col(Audit.at), col(Audit.actor), col(Audit.action), col(Audit.detail))
    wanted = wanted.where(col(Audit.job_id) == job_id)
    return list((await db.execute(wanted.order_by(col(Audit.id)).limit(limit))).mappings())


async def commits(db: AsyncConnection, repository_id: int, shas: Sequence[str]) -> dict[str, sa.RowMapping]:
    """Read what is known of some commits of a repository, by hash."""
    wanted = sa.select(*Commit.__table__.columns).where(  # type: ignore[attr-defined]
        col(Commit.repository_id) == repository_id, col(Commit.sha).in_(shas)
    )
    return {row["sha"]: row for row in (await db.execute(wanted)).mappings()}


async def titles(db: AsyncConnection, wanted: Sequence[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """Read the titles that builders told of some commits, each named by (repository id, hash)."""
    if not wanted:
        return {}
    key = sa.tuple_(col(Commit.repository_id), col(Commit.sha))
    rows = await db.execute(
        sa.select(col(Commit.repository_id), col(Commit.sha), col(Commit.title)).where(key.in_(wanted))
    )
    return {(repository_id, sha): title for repository_id, sha, title in rows if title}


async def board_types(db: AsyncConnection, *, limit: int = 500) -> list[str]:
    """List the board types that a registered builder offers."""
    wanted = (
        sa.select(col(Board.type))
        .join(Builder, col(Builder.id) == col(Board.builder_id))
        .where(col(Board.offered).is_(True), col(Builder.state) != BuilderState.RETIRED)
    )
    return list((await db.execute(wanted.distinct().order_by(col(Board.type)).limit(limit))).scalars())
