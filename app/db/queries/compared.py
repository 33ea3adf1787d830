"""Comparisons as they are shown: which of them count, how many rows say what, and the foremost rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models.judged import ComparisonKind
from app.db.tables import attempt, board, comparison, comparison_row, job, pipeline, repository, result
from app.history.verdicts import ORDER, WITH_CHANGE
from app.states import JobState

MOST_COMPARISONS = 400  # of one question, the newest
MOST_ROWS = 5_000  # of one question; all are counted, the foremost are read


@dataclass(frozen=True, kw_only=True)
class Of:
    """Which comparisons are asked for; what is None does not matter."""

    repository_id: int | None = None
    base: str | None = None
    head: str | None = None
    pull_request: int | None = None
    pipeline_ids: tuple[int, ...] | None = None


async def list_(db: AsyncConnection, of: Of) -> list[sa.RowMapping]:
    """List the comparisons of jobs that no retry replaced, with what is known of their pipeline, the newest first."""
    names = ("compare_why", "trigger", "rule", "pull_request", "branch")
    asked = (
        sa.select(comparison, *(pipeline.c[name] for name in names), board.c.name.label("board"))
        .join(pipeline, pipeline.c.id == comparison.c.pipeline_id)
        .join(job, job.c.id == comparison.c.job_id)
        .outerjoin(board, board.c.id == comparison.c.board_id)
        .where(job.c.replaced.is_(False), *_conditions(of))
        .order_by(comparison.c.id.desc())
        .limit(MOST_COMPARISONS)
    )
    return list((await db.execute(asked)).mappings())


def _conditions(of: Of) -> list[sa.ColumnElement[bool]]:
    wanted: list[sa.ColumnElement[bool]] = [
        comparison.c[name] == given
        for name in ("repository_id", "base", "head")
        if (given := getattr(of, name)) is not None
    ]
    if of.pull_request is not None:
        wanted.append(pipeline.c.pull_request == of.pull_request)
    if of.pipeline_ids is not None:
        wanted.append(comparison.c.pipeline_id.in_(of.pipeline_ids))
    return wanted


async def tallies(db: AsyncConnection, ids: Sequence[int]) -> list[sa.RowMapping]:
    """Count the rows of comparisons by verdict, with the sum of ln(worse) over those of the mean."""
    change, better = comparison_row.c.change, comparison_row.c.better
    # NaN is above all numbers in PostgreSQL.
    counted = sa.and_(
        change > -1.0,
        change < sa.literal(float("inf")),
        better.in_(("lower", "higher")),
        comparison_row.c.verdict.in_(sorted(WITH_CHANGE)),
    )
    sign = sa.case((better == "lower", 1.0), else_=-1.0)
    log = sa.case((counted, sign * sa.func.ln(1.0 + change)), else_=0.0)
    asked = (
        sa.select(
            comparison_row.c.comparison_id,
            comparison_row.c.verdict,
            sa.func.count().label("number"),
            sa.func.sum(log).label("logs"),
            sa.func.count().filter(counted).label("in_mean"),
        )
        .where(comparison_row.c.comparison_id.in_(ids))
        .group_by(comparison_row.c.comparison_id, comparison_row.c.verdict)
    )
    return list((await db.execute(asked)).mappings())


async def rows(db: AsyncConnection, ids: Sequence[int], limit: int = MOST_ROWS) -> list[sa.RowMapping]:
    """Read the foremost rows of comparisons: what fails, then by verdict, then the largest beside its interval."""
    rank = sa.case({each: index for index, each in enumerate(ORDER)}, value=comparison_row.c.verdict)
    width = sa.func.nullif(comparison_row.c.high - comparison_row.c.low, 0.0)
    asked = (
        sa.select(comparison_row)
        .where(comparison_row.c.comparison_id.in_(ids))
        .order_by(
            comparison_row.c.fails.desc(),
            rank,
            (sa.func.abs(comparison_row.c.change) / width).desc().nulls_last(),
            comparison_row.c.comparison_id,
            comparison_row.c.identity,
        )
        .limit(limit)
    )
    return list((await db.execute(asked)).mappings())


def is_interleaved(row: sa.RowMapping) -> bool:
    """Tell whether both sides of a comparison were measured by turns."""
    return ComparisonKind(row["kind"]) is ComparisonKind.INTERLEAVED


async def asked(db: AsyncConnection, pipeline_id: int) -> sa.RowMapping | None:
    """Read what a pipeline asks of comparisons, and whether one of its own is still to be judged for the last time.

    That is awaited of every job that passed and brought results: they are judged a moment after its end.
    """
    over = sa.select(1).where(comparison.c.job_id == job.c.id, comparison.c.is_over)
    unjudged = (
        sa.select(1)
        .select_from(job.join(attempt, attempt.c.job_id == job.c.id).join(result, result.c.attempt_id == attempt.c.id))
        .where(job.c.pipeline_id == pipeline.c.id, job.c.replaced.is_(False), job.c.state == JobState.PASSED)
        .where(~over.exists())
    )
    awaited = sa.and_(pipeline.c.interleaved, unjudged.exists()).label("is_awaited")
    found = sa.select(pipeline.c.fails_on, awaited, repository.c.forge, repository.c.full_name)
    of = found.join(repository, repository.c.id == pipeline.c.repository_id).where(pipeline.c.id == pipeline_id)
    return (await db.execute(of)).mappings().one_or_none()


async def pipeline_of(db: AsyncConnection, attempt_id: int) -> int | None:
    """Name the pipeline that compares by what an attempt measured; None if that compares nothing."""
    found = (
        sa.select(pipeline.c.id)
        .select_from(pipeline.join(job, job.c.pipeline_id == pipeline.c.id).join(attempt, attempt.c.job_id == job.c.id))
        .where(attempt.c.id == attempt_id, pipeline.c.compare_with.is_not(None))
    )
    return await db.scalar(found)
