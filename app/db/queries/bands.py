"""What one commit measured, beside the level and the noise that the default branch has there."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import analysis, attempt, commit, measurement, series


async def of_commit(
    db: AsyncConnection, repository_id: int, sha: str, branch: str, *, limit: int = 2000
) -> list[sa.RowMapping]:
    """List the measurements at a commit for which the detector knows a level on a branch."""
    usual = series.alias("usual")
    which = sa.select(commit.c.id).where(commit.c.repository_id == repository_id, commit.c.sha == sha)
    names = ("benchmark", "params", "metric", "unit", "better", "board_type", "configuration")
    same = [usual.c[name] == series.c[name] for name in ("repository_id", "board_type", "configuration", "identity")]
    wanted = (
        sa.select(
            *(series.c[name] for name in names),
            measurement.c.value,
            attempt.c.job_id,
            *(analysis.c[name] for name in ("level", "sigma", "inflation")),
        )
        .join_from(measurement, series, series.c.id == measurement.c.series_id)
        .join(usual, sa.and_(*same, usual.c.branch == branch))
        .join(analysis, analysis.c.series_id == usual.c.id)
        .outerjoin(attempt, attempt.c.id == measurement.c.attempt_id)
        .where(measurement.c.commit_id == which.scalar_subquery())
        .where(analysis.c.level.is_not(None), analysis.c.sigma.is_not(None))
        .limit(limit)
    )
    return list((await db.execute(wanted)).mappings())
