"""What the pages of benchmarks read beside points: series with their levels, raw samples, change points, remarks."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import arrays
from app.db.queries.series import chosen
from app.db.tables import analysis, annotation, attempt, change_point, measurement, series, shift

FACETS = ("branch", "board_type", "configuration", "benchmark", "metric", "unit")
MOST_SAMPLED = 20_000  # measurements whose samples are read at once


async def matching(
    db: AsyncConnection, repository_id: int, filters: Mapping[str, Sequence[str]], *, limit: int
) -> list[sa.RowMapping]:
    """List the series that match, with what the detector last said of each."""
    wanted = (
        sa.select(series, analysis.c.level, analysis.c.sigma, analysis.c.inflation)
        .outerjoin_from(series, analysis, analysis.c.series_id == series.c.id)
        .where(*chosen(repository_id, filters))
        .order_by(series.c.board_type, series.c.configuration, series.c.branch, series.c.id)
        .limit(limit)
    )
    return list((await db.execute(wanted)).mappings())


async def samples(
    db: AsyncConnection, series_ids: Sequence[int], commit_ids: Sequence[int], span: tuple[datetime, datetime]
) -> list[sa.RowMapping]:
    """Read all that was measured of some series at some commits, with the job of each measurement.

    Args:
        span: when the first and the last of the commits were made, for the index.
    """
    fields = ("series_id", "commit_id", "value", "low", "high", "count", "samples", "cap")
    wanted = (
        sa.select(*(measurement.c[name] for name in fields), attempt.c.job_id)
        .outerjoin_from(measurement, attempt, attempt.c.id == measurement.c.attempt_id)
        .where(
            arrays.is_in(measurement.c.series_id, series_ids),
            measurement.c.made_at.between(*span),
            arrays.is_in(measurement.c.commit_id, commit_ids),
        )
        .order_by(measurement.c.measured_at, measurement.c.id)
        .limit(MOST_SAMPLED)
    )
    return list((await db.execute(wanted)).mappings())


async def shifts(db: AsyncConnection, series_ids: Sequence[int], *, limit: int = 500) -> list[sa.RowMapping]:
    """List the change points of some series that stand, with the state of the alert each belongs to."""
    fields = ("series_id", "shift_id", "until_commit_id", "before", "after", "change", "low", "high", "is_worse")
    wanted = (
        sa.select(*(change_point.c[name] for name in fields), shift.c.state, shift.c.reason)
        .join_from(change_point, shift, shift.c.id == change_point.c.shift_id)
        .where(arrays.is_in(change_point.c.series_id, series_ids), change_point.c.gone_at.is_(None))
        .order_by(change_point.c.until_commit_id.desc(), change_point.c.id)
        .limit(limit)
    )
    return list((await db.execute(wanted)).mappings())


async def annotations(db: AsyncConnection, repository_id: int, *, limit: int = 500) -> list[sa.RowMapping]:
    """List the remarks at commits of a repository, the latest first."""
    fields = ("commit_id", "board_type", "configuration", "kind", "text", "cuts", "said_by", "said_at")
    wanted = sa.select(*(annotation.c[name] for name in fields)).where(annotation.c.repository_id == repository_id)
    return list((await db.execute(wanted.order_by(annotation.c.id.desc()).limit(limit))).mappings())
