"""Jobs as programs see them: with the latest attempt, its builder and board, and how much there is to read."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.models import Attempt, Board, Builder, Job, Pipeline, Repository, Result, Trigger
from app.db.tables import attempt, job
from app.states import JobState

_ATTEMPT = (
    *("id", "epoch", "opened_at", "accepted_at", "phase", "phases", "ended_at", "outcome", "reason", "exit_code"),
    *("log_size", "log_dropped", "log_removed_at"),
)
_PREFIX = "attempt_"


def _attempts() -> sa.Select[Any]:
    return (
        sa.select(
            *(attempt.c[name].label(_PREFIX + name) for name in _ATTEMPT),
            col(Builder.name).label("attempt_builder"),
            col(Board.name).label("attempt_board"),
            sa.select(sa.func.count())
            .select_from(Result)
            .where(col(Result.attempt_id) == col(Attempt.id))
            .scalar_subquery()
            .label("attempt_results"),
        )
        .select_from(Attempt)
        .join(Builder, col(Builder.id) == col(Attempt.builder_id))
        .join(Board, col(Board.id) == col(Attempt.board_id))
    )


_LATEST = (
    _attempts().where(col(Attempt.job_id) == col(Job.id)).order_by(col(Attempt.epoch).desc()).limit(1).lateral("latest")
)


async def of_pipeline(db: AsyncConnection, pipeline_id: int) -> list[dict[str, Any]]:
    """List the jobs of a pipeline, retried ones too, in the order in which they were added."""
    found = await db.execute(_viewed().where(col(Job.pipeline_id) == pipeline_id).order_by(col(Job.id)))
    return [_view(row) for row in found.mappings()]


async def list_(
    db: AsyncConnection,
    *,
    commit: str | None = None,
    repository_id: int | None = None,
    state: JobState | None = None,
    board_type: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """List jobs, the newest first, without the checks of boards."""
    asked = _viewed().join(Pipeline, col(Pipeline.id) == col(Job.pipeline_id))
    asked = asked.where(col(Pipeline.trigger) != Trigger.HEALTH)
    conditions = (
        (col(Pipeline.commit).startswith(commit or "", autoescape=True), commit),
        (col(Pipeline.repository_id) == repository_id, repository_id),
        (col(Job.state) == state, state),
        (col(Job.board_type) == board_type, board_type),
        (col(Job.id) < (before or 0), before),
    )
    for condition, given in conditions:
        if given is not None:
            asked = asked.where(condition)
    return [_view(row) for row in (await db.execute(asked.order_by(col(Job.id).desc()).limit(limit))).mappings()]


async def attempts(db: AsyncConnection, job_id: int, *, before: int | None = None, limit: int = 50) -> list[Any]:
    """List the attempts at a job, the latest first, as the latest one is shown with the job."""
    earlier = sa.true() if before is None else col(Attempt.id) < before
    asked = _attempts().where(col(Attempt.job_id) == job_id, earlier)
    rows = (await db.execute(asked.order_by(col(Attempt.id).desc()).limit(limit))).mappings()
    return [{name.removeprefix(_PREFIX): value for name, value in row.items()} for row in rows]


async def get(db: AsyncConnection, job_id: int) -> dict[str, Any] | None:
    """Read one job."""
    found = (await db.execute(_viewed().where(col(Job.id) == job_id))).mappings().one_or_none()
    return None if found is None else _view(found)


async def recipe(db: AsyncConnection, job_id: int) -> sa.RowMapping | None:
    """Read what it takes to do a job again elsewhere; `board` is the one it was on last."""
    last = (
        sa.select(col(Board.name))
        .join(Attempt, col(Attempt.board_id) == col(Board.id))
        .where(col(Attempt.job_id) == col(Job.id))
        .order_by(col(Attempt.epoch).desc())
        .limit(1)
        .scalar_subquery()
    )
    source = ("id", "full_name", "clone_url", "private")
    asked: sa.Select[Any] = (
        sa.select(
            *(getattr(Job, name) for name in ("board_type", "configuration")),
            *(getattr(Pipeline, name) for name in ("commit", "fetch_ref", "kind", "repeat", "limit_s")),
            *(getattr(Pipeline, name) for name in ("base", "trusted_files", "arguments")),
            sa.not_(col(Pipeline.from_fork)).label("trusted"),
            *(getattr(Repository, name).label(f"repository_{name}") for name in source),
            sa.func.coalesce(last, col(Job.board)).label("board"),
        )
        .join_from(Job, Pipeline, col(Pipeline.id) == col(Job.pipeline_id))
        .join(Repository, col(Repository.id) == col(Pipeline.repository_id))
        .where(col(Job.id) == job_id)
    )
    found: sa.RowMapping | None = (await db.execute(asked)).mappings().one_or_none()
    return found


async def attempt_id(db: AsyncConnection, job_id: int, chosen: int | None) -> int | None:
    """Find the latest attempt of a job, or check that the given one is of this job."""
    asked = sa.select(col(Attempt.id)).where(col(Attempt.job_id) == job_id).order_by(col(Attempt.epoch).desc()).limit(1)
    return await db.scalar(asked if chosen is None else asked.where(col(Attempt.id) == chosen))


def _viewed() -> sa.Select[Any]:
    return sa.select(job, *_LATEST.c).select_from(job).outerjoin(_LATEST, sa.true())


def _view(row: sa.RowMapping) -> dict[str, Any]:
    """Fold the attempt's columns into one value; None while there was no attempt."""
    own = {name: value for name, value in row.items() if not name.startswith(_PREFIX)}
    latest = {name.removeprefix(_PREFIX): value for name, value in row.items() if name.startswith(_PREFIX)}
    return {**own, "attempt": latest if latest["id"] is not None else None}
