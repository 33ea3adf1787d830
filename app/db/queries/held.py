"""What was measured of two commits in jobs of their own, to hold one against the other."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import attempt, commit, job, measurement, pipeline, series
from app.states import JobState

MOST_MEASUREMENTS = 20_000  # of one side, the newest

_head = pipeline.c.commit.label("head")
_columns = (
    attempt.c.id.label("attempt_id"),
    *(attempt.c[name] for name in ("board_id", "job_id")),
    *(job.c[name] for name in ("pipeline_id", "board_type", "configuration")),
    *(pipeline.c[name] for name in ("repository_id", "compare_with")),
    _head,
)
_jobs = attempt.join(job, job.c.id == attempt.c.job_id).join(pipeline, pipeline.c.id == job.c.pipeline_id)
_heads = (
    sa.select(*_columns)
    .select_from(_jobs)
    .where(attempt.c.outcome == JobState.PASSED, sa.not_(pipeline.c.interleaved))
    .where(pipeline.c.compare_with.is_not(None), pipeline.c.compare_with != pipeline.c.commit)
    .order_by(attempt.c.id.desc())
)


async def own(db: AsyncConnection, attempt_id: int) -> list[sa.RowMapping]:
    """Read an attempt that is to be held against a base; none if it is not, or is so by turns."""
    return list((await db.execute(_heads.where(attempt.c.id == attempt_id))).mappings())


async def with_base(db: AsyncConnection, attempt_id: int, *, limit: int) -> list[sa.RowMapping]:
    """List the attempts whose base is what this one has measured, on the same target, the newest first."""
    mine = sa.select(pipeline.c.repository_id, _head, job.c.board_type, job.c.configuration).select_from(_jobs)
    base = mine.where(attempt.c.id == attempt_id).cte("base")
    same = sa.and_(
        pipeline.c.repository_id == base.c.repository_id,
        pipeline.c.compare_with == base.c.head,
        job.c.board_type == base.c.board_type,
        job.c.configuration == base.c.configuration,
    )
    asked = _heads.join(base, same).limit(limit)
    return list((await db.execute(asked)).mappings())


async def of_pipeline(db: AsyncConnection, pipeline_id: int) -> list[sa.RowMapping]:
    """List the attempts of a pipeline that are to be held against its base."""
    return list((await db.execute(_heads.where(job.c.pipeline_id == pipeline_id))).mappings())


_of_series = ("benchmark", "params", "version", "metric", "unit", "better")
_of_measurement = ("value", "samples", "resolution", "cap")
_measured = (
    sa.select(*(series.c[name] for name in _of_series), *(measurement.c[name] for name in _of_measurement))
    .join_from(measurement, series, series.c.id == measurement.c.series_id)
    .order_by(measurement.c.id.desc())
    .limit(MOST_MEASUREMENTS)
)


async def at(db: AsyncConnection, repository_id: int, sha: str, target: tuple[Any, Any]) -> list[sa.RowMapping]:
    """Read what was measured of a commit on a target, a board type and a configuration, on any branch."""
    board_type, configuration = target
    asked = _measured.join(commit, commit.c.id == measurement.c.commit_id).where(
        commit.c.repository_id == repository_id,
        commit.c.sha == sha,
        series.c.board_type == board_type,
        series.c.configuration == configuration,
    )
    return list((await db.execute(asked)).mappings())


async def by(db: AsyncConnection, attempt_id: int) -> list[sa.RowMapping]:
    """Read what an attempt has measured."""
    return list((await db.execute(_measured.where(measurement.c.attempt_id == attempt_id))).mappings())
