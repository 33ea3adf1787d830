"""Series with their points, as pages and the API show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import series
from app.history.series import Measured, Point, points


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
    after: int = 0,
) -> list[Trend]:
    """Read series and the points of each one's latest commits."""
    rows = await series.list_(db, repository_id, filters, after=after, limit=limit)
    return await with_points(db, rows, commits=commits)


async def with_points(db: AsyncConnection, rows: list[Any], *, commits: int) -> list[Trend]:
    """Read the points of some series, in two queries whatever their number."""
    measured = await series.measurements(db, [row["id"] for row in rows], commits=commits) if rows else []
    found = {series_id: list(group) for series_id, group in groupby(measured, key=lambda each: each["series_id"])}
    return [_trend(row, found.get(row["id"], [])) for row in rows]


def _trend(row: Mapping[str, Any], measured: list[Any]) -> Trend:
    names = Trend.__dataclass_fields__.keys() - {"series_id", "cap", "points"}
    return Trend(
        series_id=row["id"],
        **{name: row[name] for name in names},
        cap=measured[-1]["cap"] if measured else None,
        points=points([_measured(each) for each in measured], row["better"]),
    )


def _measured(row: Mapping[str, Any]) -> Measured:
    return Measured(**{name: row[name] for name in Measured.__dataclass_fields__})
