"""Comparisons and their rows: what a job measured of two commits, and what was concluded."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import attempt, board, comparison, comparison_row, job, pipeline, repository, result

now = sa.func.now()
_OF_PIPELINE = ("repository_id", "interleaved", "compare_with", "pairs")
_other = job.alias("other")
_beside = (
    sa.select(sa.func.count())
    .where(_other.c.pipeline_id == job.c.pipeline_id, _other.c.replaced.is_(False))
    .correlate(job)
    .scalar_subquery()
)
_task = (
    sa.select(
        attempt.c.id.label("attempt_id"),
        attempt.c.outcome,
        attempt.c.ended_at,
        attempt.c.no_base,
        attempt.c.board_id,
        attempt.c.job_id,
        job.c.pipeline_id,
        job.c.board_type,
        job.c.configuration,
        _beside.label("beside"),  # jobs of the pipeline, this one too
        pipeline.c.commit.label("head"),
        *(pipeline.c[name] for name in _OF_PIPELINE),
    )
    .select_from(attempt.join(job, job.c.id == attempt.c.job_id).join(pipeline, pipeline.c.id == job.c.pipeline_id))
    .where(attempt.c.id == sa.bindparam("attempt_id"))
)


async def task(db: AsyncConnection, attempt_id: int) -> sa.RowMapping | None:
    """Read what an attempt's results are to be held against, and what of; None if there is no such attempt."""
    return (await db.execute(_task, {"attempt_id": attempt_id})).mappings().one_or_none()


async def files(db: AsyncConnection, attempt_id: int) -> list[sa.RowMapping]:
    """Read the files of both sides in the order they were taken: side, pair, data (packed), size, env, wanted."""
    wanted = sa.select(*(result.c[name] for name in ("side", "pair", "data", "size", "env", "wanted", "removed_at")))
    asked = wanted.where(result.c.attempt_id == attempt_id).order_by(result.c.number)
    return list((await db.execute(asked)).mappings())


async def save(db: AsyncConnection, values: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> int:
    """Keep what an attempt's comparison has come to, in place of what it, or an attempt before, had come to.

    Args:
        values: columns of the comparison; `attempt_id` and `job_id` are among them.
    """
    others = sa.delete(comparison).where(
        comparison.c.job_id == values["job_id"], comparison.c.attempt_id != values["attempt_id"]
    )
    await db.execute(others)
    new = insert(comparison).values(**values, judged_at=now)
    also = {name: new.excluded[name] for name in (*values, "judged_at") if name != "attempt_id"}
    kept = new.on_conflict_do_update(constraint="comparison_of_attempt", set_=also).returning(comparison.c.id)
    comparison_id = int((await db.execute(kept)).scalar_one())
    await db.execute(sa.delete(comparison_row).where(comparison_row.c.comparison_id == comparison_id))
    if rows:
        await db.execute(insert(comparison_row), [{**row, "comparison_id": comparison_id} for row in rows])
    return comparison_id


async def is_open(db: AsyncConnection, attempt_id: int) -> bool:
    """Lock an attempt's comparison; say that there is one that more pairs were still to come for."""
    found = sa.select(comparison.c.is_over).where(comparison.c.attempt_id == attempt_id).with_for_update()
    return (await db.scalar(found)) is False


async def close(db: AsyncConnection, attempt_id: int, note: str) -> None:
    """Say that no more pairs come: the attempt ended otherwise than well."""
    mine = sa.update(comparison).where(comparison.c.attempt_id == attempt_id, sa.not_(comparison.c.is_over))
    await db.execute(mine.values(is_over=True, note=note[:500]))


_named = (
    sa.select(comparison, repository.c.full_name.label("repository"), board.c.name.label("board"))
    .select_from(comparison.join(repository, repository.c.id == comparison.c.repository_id))
    .outerjoin(board, board.c.id == comparison.c.board_id)
)
FILTERS = ("repository_id", "base", "head", "pipeline_id", "job_id")


async def list_(
    db: AsyncConnection, filters: Mapping[str, Any], *, before: int | None, limit: int
) -> list[sa.RowMapping]:
    """List comparisons, the newest first.

    Args:
        filters: by `FILTERS`; what is None does not matter.
    """
    asked = _named.order_by(comparison.c.id.desc()).limit(limit)
    for name in FILTERS:
        if filters.get(name) is not None:
            asked = asked.where(comparison.c[name] == filters[name])
    if before is not None:
        asked = asked.where(comparison.c.id < before)
    return list((await db.execute(asked)).mappings())


async def get(db: AsyncConnection, comparison_id: int) -> sa.RowMapping | None:
    """Read one comparison."""
    return (await db.execute(_named.where(comparison.c.id == comparison_id))).mappings().one_or_none()


async def rows(
    db: AsyncConnection, comparison_id: int, *, verdict: str | None, after: int, limit: int
) -> list[sa.RowMapping]:
    """List rows by benchmark and metric; skips the first `after`."""
    order = (comparison_row.c.benchmark, comparison_row.c.metric, comparison_row.c.identity)
    asked = sa.select(comparison_row).where(comparison_row.c.comparison_id == comparison_id)
    if verdict is not None:
        asked = asked.where(comparison_row.c.verdict == verdict)
    return list((await db.execute(asked.order_by(*order).offset(after).limit(limit))).mappings())
