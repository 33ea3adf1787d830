"""What the pages of benchmarks read beside points: series with their levels, raw samples, change points, remarks."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import arrays
from app.db.queries.series import chosen
from app.db.tables import analysis, annotation, change_point, series, shift

FACETS = ("branch", "board_type", "configuration", "benchmark", "metric", "unit")


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
