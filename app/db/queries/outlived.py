"""Pipelines that are old, and that nothing else needs: what a rule lets go of them."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import kept
from app.db.queries.kept import Due
from app.db.tables import (
    artefact_piece,
    attempt,
    bisection_step,
    comparison,
    conversation,
    job,
    keep_rule,
    log_chunk,
    measurement,
    pipeline,
    pull_request,
    result,
    series,
    status,
)

RULE = "pipelines"
LOOK = 500  # pipelines that one look takes in

_mine = job.c.pipeline_id == pipeline.c.id
_others = pipeline.alias("others")
_later = job.alias("later")

# In words: docs/howto/backup.md. A pipeline is kept while any of these is so.
_NEEDED = (
    # Its numbers are a part of a branch's history, which has no end.
    sa.exists(
        sa.select(measurement.c.id)
        .join(attempt, attempt.c.id == measurement.c.attempt_id)
        .join(job, job.c.id == attempt.c.job_id)
        .join(series, series.c.id == measurement.c.series_id)
        .where(_mine, series.c.branch != "", series.c.branch.not_like("pull/%"))
    ),
    # Another commit is or was held against it.
    sa.exists().where(
        _others.c.repository_id == pipeline.c.repository_id,
        _others.c.compare_with == pipeline.c.commit,
        _others.c.id != pipeline.c.id,
    ),
    sa.exists().where(
        comparison.c.repository_id == pipeline.c.repository_id,
        comparison.c.base == pipeline.c.commit,
        comparison.c.pipeline_id != pipeline.c.id,
    ),
    # A search for a commit rests on it.
    sa.exists().where(bisection_step.c.pipeline_id == pipeline.c.id),
    # An open pull request's comment speaks of it, or a status of it is not on the forge yet.
    sa.exists(
        sa.select(conversation.c.id)
        .join(
            pull_request,
            sa.and_(
                pull_request.c.repository_id == conversation.c.repository_id,
                pull_request.c.number == conversation.c.pull_request,
            ),
        )
        .where(conversation.c.pipeline_id == pipeline.c.id, pull_request.c.open)
    ),
    sa.exists().where(
        status.c.pipeline_id == pipeline.c.id,
        status.c.sent_version < status.c.version,
        status.c.closed.is_(None),
    ),
    # It is the last look at a board.
    sa.exists().where(
        _mine,
        job.c.board_id.is_not(None),
        sa.not_(sa.exists().where(_later.c.board_id == job.c.board_id, _later.c.id > job.c.id)),
    ),
)


def _due(days: int, least: int) -> sa.Select[Any]:
    """Choose the pipelines whose last job ended long enough ago and that nothing needs; with the days that count."""
    said = (keep_rule.c.repository_id == pipeline.c.repository_id, keep_rule.c.what == RULE)
    counts = sa.func.coalesce(keep_rule.c.days, days)
    before = sa.func.now() - sa.func.make_interval(0, 0, 0, counts)
    lately = sa.exists().where(_mine, sa.or_(job.c.ended_at.is_(None), job.c.ended_at > before))
    return (
        sa.select(pipeline.c.id)
        .outerjoin_from(pipeline, keep_rule, sa.and_(*said))
        .where(pipeline.c.created_at < sa.func.now() - sa.func.make_interval(0, 0, 0, least))
        .where(counts > 0, pipeline.c.created_at < before, sa.not_(lately))
        .where(*(sa.not_(each) for each in _NEEDED))
    )


async def some(db: AsyncConnection, *, days: int, after: int) -> tuple[list[int], int | None]:
    """Look at the next pipelines behind an id: those that may go, and where to go on; None: there are no more."""
    least = await kept.shortest(db, RULE, days)
    if least is None:
        return [], None
    window = sa.select(pipeline.c.id).where(pipeline.c.id > after).order_by(pipeline.c.id).limit(LOOK).subquery()
    last = await db.scalar(sa.select(sa.func.max(window.c.id)))
    if last is None:
        return [], None
    within = pipeline.c.id.between(after + 1, last)
    return list(await db.scalars(_due(days, least).where(within).order_by(pipeline.c.id))), int(last)


async def count(db: AsyncConnection, *, days: int) -> list[Due]:
    """Count the pipelines that may go, rule by rule, with the bytes of their logs, artefacts and result files."""
    least = await kept.shortest(db, RULE, days)
    if least is None:
        return []
    size = sum((_bytes(each) for each in (log_chunk, artefact_piece, result)), start=sa.literal(0))
    whose = (keep_rule.c.repository_id, sa.func.coalesce(sa.func.max(keep_rule.c.days), days))
    counted = _due(days, least).with_only_columns(*whose, sa.func.count(), sa.func.coalesce(sa.func.sum(size), 0))
    rows = await db.execute(counted.group_by(keep_rule.c.repository_id))
    return [Due(repository_id=row[0], days=row[1], of=row[2], bytes=int(row[3])) for row in rows]


def _bytes(of: sa.Table) -> sa.ScalarSelect[Any]:
    own, tried = job.alias("own"), attempt.alias("tried")
    return (
        sa.select(sa.func.coalesce(sa.func.sum(sa.func.octet_length(of.c.data)), 0))
        .join_from(own, tried, tried.c.job_id == own.c.id)
        .join(of, of.c.attempt_id == tried.c.id)
        .where(own.c.pipeline_id == pipeline.c.id)
        .scalar_subquery()
    )
