"""Series with their points, as pages and the API show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import points, series
from app.history import series as history
from app.history.series import Point
from app.results import timeline
from app.results.timeline import timelines


@dataclass(frozen=True, kw_only=True)
class Trend:
    """One series and its latest points, in commit order."""

    series_id: int
    branch: str
    board_type: str
    configuration: str
    benchmark: str
    params: dict[str, Any]
    version: str
    metric: str
    unit: str
    better: str | None
    cap: float | None
    points: list[Point]

    @property
    def latest(self) -> Point | None:
        """Give the point of the newest commit."""
        return self.points[-1] if self.points else None


async def trends(
    db: AsyncConnection,
    repository_id: int | None,
    filters: Mapping[str, str],
    *,
    commits: int,
    limit: int,
    after: int | None = None,
) -> list[Trend]:
    """Read series and the points of each one's latest commits."""
    rows = await series.list_(db, repository_id, filters, after=after, limit=limit)
    return await with_points(db, rows, commits=commits)


async def with_points(db: AsyncConnection, rows: list[Any], *, commits: int) -> list[Trend]:
    """Read the points of some series, in few queries whatever their number."""
    ids = [row["id"] for row in rows]
    measured, newest = await timelines(db, ids, commits=commits), await points.newest(db, ids)
    jobs = await points.jobs(db, [each.attempt_id for found in measured.values() for each in found])
    return [_trend(row, measured[row["id"]], newest.get(row["id"]), jobs) for row in rows]


def _trend(
    row: Mapping[str, Any], measured: list[timeline.Measured], newest: Any, jobs: Mapping[int | None, int]
) -> Trend:
    names = Trend.__dataclass_fields__.keys() - {"series_id", "cap", "points"}
    found = [_measured(each, jobs.get(each.attempt_id)) for each in measured]
    return Trend(
        series_id=row["id"],
        **{name: row[name] for name in names},
        cap=newest["cap"] if newest else None,
        points=history.points(found, row["better"]),
    )


def _measured(each: timeline.Measured, job_id: int | None) -> history.Measured:
    return history.Measured(
        sha=each.commit.sha,
        title=each.commit.title,
        made_at=each.commit.made_at,
        job_id=job_id,
        **{name: getattr(each, name) for name in ("value", "low", "high", "count")},
    )
