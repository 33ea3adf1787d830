"""Series and their points, for programs."""

from datetime import datetime
from typing import Any

from pydantic import Field

from app.db.queries import repositories, series
from app.deps import Deps
from app.errors import NotFound
from app.results.trends import with_points
from app.web.api.operations import INT4, Given, Told, operation
from app.web.api.paging import LONGEST_PAGE, USUAL_PAGE, Page
from app.web.api.words import Line

MOST_COMMITS = 2000


class SeriesFilter(Given):
    """Which series. The cursor is the last one of the page before: what is added meanwhile moves no page."""

    cursor: int | None = Field(default=None, ge=0, le=INT4, description="`next` of the page before")
    limit: int = Field(default=USUAL_PAGE, ge=1, le=LONGEST_PAGE, description="items of one page")
    repository: Line | None = Field(default=None, description="full name")
    branch: Line | None = Field(default=None, description="pull/N for a pull request")
    board_type: Line | None = None
    configuration: Line | None = None
    benchmark: Line | None = None
    metric: Line | None = None


class SeriesRow(Told):
    """What one series is of."""

    id: int
    forge: str
    repository: str
    branch: str = Field(description="pull/N for a pull request, empty for a dispatch without a branch")
    board_type: str
    configuration: str
    benchmark: str
    params: dict[str, Any]
    version: str
    metric: str
    unit: str = Field(description="empty for a bare number")
    better: str | None = Field(description="lower, higher, or null: not known")


class HowMany(Given):
    """How much of a series."""

    limit: int = Field(default=200, ge=1, le=MOST_COMMITS, description="latest commits")


class PointRow(Told):
    """One commit of a series, in the series' unit."""

    commit: str
    title: str
    committed_at: datetime = Field(description="when git says it was made, or when it was first seen here")
    job_id: int | None = Field(description="the latest that measured it; null: it was imported")
    value: float = Field(description="median of the samples")
    low: float
    high: float
    samples: int
    change: float | None = Field(description="relative to the point before")


class Points(Told):
    """A series with its points in commit order."""

    series: SeriesRow
    items: list[PointRow]
    next: None = None


@operation("GET", "/series", query=SeriesFilter, answer=Page[SeriesRow])
async def list_series(deps: Deps, *, query: SeriesFilter) -> Page[SeriesRow]:
    """List series by benchmark, metric, board type, configuration and branch."""
    filters = {name: value for name in series.FILTERS if (value := getattr(query, name)) is not None}
    async with deps.begin() as db:
        repository_id = await _repository(db, query.repository) if query.repository else None
        found = await series.list_(db, repository_id, filters, after=query.cursor, limit=query.limit + 1)
    items = [_row(each) for each in found[: query.limit]]
    return Page(items=items, next=items[-1].id if len(found) > query.limit else None)


@operation("GET", "/series/{series_id}/points", query=HowMany, answer=Points)
async def list_points(deps: Deps, *, series_id: int, query: HowMany) -> Points:
    """Read the points of a series' latest commits, in commit order."""
    async with deps.begin() as db:
        row = await series.get(db, series_id)
        if row is None:
            raise NotFound(f"There is no series {series_id}.")
        (trend,) = await with_points(db, [row], commits=query.limit)
    items = [
        PointRow(
            commit=each.sha,
            committed_at=each.made_at,
            **{name: getattr(each, name) for name in ("title", "job_id", "value", "low", "high", "samples", "change")},
        )
        for each in trend.points
    ]
    return Points(series=_row(row), items=items)


async def _repository(db: Any, full_name: str) -> int:
    row = await repositories.by_name(db, full_name)
    if row is None:
        raise NotFound(f"There is no repository {full_name} here.")
    return int(row["id"])


def _row(row: Any) -> SeriesRow:
    return SeriesRow(**{name: row[name] for name in SeriesRow.model_fields if name in row}, repository=row["full_name"])
