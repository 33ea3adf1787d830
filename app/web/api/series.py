"""Series and their points, for programs."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import Field
from quart import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import points, repositories, series, shifts
from app.db.queries.shifts import ChangePointView
from app.deps import Deps
from app.errors import NotFound
from app.history.statistics import change
from app.results.timeline import Measured, timelines
from app.web.api.conditional import kept
from app.web.api.operations import INT4, JSON, Given, Told, operation
from app.web.api.paging import LONGEST_PAGE, USUAL_PAGE, Page
from app.web.api.words import Line

MOST_COMMITS = 2000
CSV = "text/csv"
COLUMNS = ("commit", "committed_at", "job_id", "value", "low", "high", "samples", "change", "raw")


class Places(Given):
    """Which series: what is left out does not matter."""

    repository: Line | None = Field(default=None, description="full name")
    branch: Line | None = Field(default=None, description="pull/N for a pull request")
    board_type: Line | None = None
    configuration: Line | None = None
    benchmark: Line | None = None
    metric: Line | None = None

    def filters(self) -> dict[str, str]:
        """Give those that matter."""
        return {name: value for name in series.FILTERS if (value := getattr(self, name)) is not None}


class SeriesFilter(Places):
    """Which series. The cursor is the last one of the page before: what is added meanwhile moves no page."""

    default_branch: bool = Field(default=False, description="only those of each repository's default branch")
    cursor: int | None = Field(default=None, ge=0, le=INT4, description="`next` of the page before")
    limit: int = Field(default=USUAL_PAGE, ge=1, le=LONGEST_PAGE, description="items of one page")


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


class WhichPoints(Given):
    """Which part of a series."""

    limit: int = Field(default=200, ge=1, le=MOST_COMMITS, description="latest commits")
    cursor: int | None = Field(default=None, ge=0, le=INT4, description="`next` of the page before: older commits")
    samples: bool = Field(default=False, description="with the raw samples, as long as they are kept")


class Move(Told):
    """A level that begins at a commit."""

    before: float
    after: float
    change: float = Field(description="relative")
    low: float | None
    high: float | None
    is_worse: bool | None
    state: str = Field(description="of the alert it belongs to")
    alert: int


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
    move: Move | None = Field(description="the change point found here")
    raw: list[float] | None = Field(description="samples in the order they were taken, if asked for; else null")


class Points(Told):
    """A series with its points in commit order."""

    series: SeriesRow
    items: list[PointRow]
    next: int | None = Field(description="cursor of the older commits; null if there are none")


@operation("GET", "/series", query=SeriesFilter, answer=Page[SeriesRow])
async def list_series(deps: Deps, *, query: SeriesFilter) -> Page[SeriesRow]:
    """List series by benchmark, metric, board type, configuration and branch.

    A series that is added or removed meanwhile moves no page.
    """
    async with deps.begin() as db:
        repository_id = await repository(db, query.repository) if query.repository else None
        found = await series.list_(
            db,
            repository_id,
            query.filters(),
            default_branch=query.default_branch,
            after=query.cursor or None,
            limit=query.limit + 1,
        )
    items = [_row(each) for each in found[: query.limit]]
    return Page(items=items, next=items[-1].id if len(found) > query.limit else None)


@operation("GET", "/series/{series_id}/points", query=WhichPoints, answer=Points)
async def list_points(deps: Deps, *, series_id: int, query: WhichPoints) -> Response:
    """Read the points of a series' latest commits, in commit order; with `If-None-Match`, 304 while nothing changed."""
    found = await _points(deps, series_id, query)
    return kept(found.model_dump_json(), JSON)


@operation("GET", "/series/{series_id}/points.csv", query=WhichPoints, media=(CSV,))
async def list_points_as_csv(deps: Deps, *, series_id: int, query: WhichPoints) -> Response:
    """Read the same as CSV, a row for each commit; raw samples are one cell, with spaces between."""
    found = await _points(deps, series_id, query)
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for item in found.items:
        cells = {**item.model_dump(mode="json"), "raw": " ".join(map(repr, item.raw or ()))}
        table.writerow([cells[name] for name in COLUMNS])
    return kept(text.getvalue(), f"{CSV}; charset=utf-8")


async def repository(db: AsyncConnection, full_name: str) -> int:
    """Find a repository by its name.

    Raises:
        NotFound.
    """
    row = await repositories.by_name(db, full_name)
    if row is None:
        raise NotFound(f"There is no repository {full_name} here.")
    return int(row["id"])


async def _points(deps: Deps, series_id: int, query: WhichPoints) -> Points:
    async with deps.begin() as db:
        row = await series.get(db, series_id)
        if row is None:
            raise NotFound(f"There is no series {series_id}.")
        before = await _place(db, query.cursor) if query.cursor else None
        # One more than asked for: it says whether there are older ones, and what the first is to be compared with.
        found = (await timelines(db, [series_id], commits=query.limit + 1, before=before))[series_id]
        shown = found[-query.limit :]
        jobs = await points.jobs(db, [each.attempt_id for each in shown])
        moves = {each.until_commit: each for each in await shifts.of_series(db, [series_id])}
        raw = await _raw(db, series_id, shown) if query.samples else {}
    earlier = [None, *found] if len(found) == len(shown) else found
    items = [
        _point(before, each, jobs, moves.get(each.commit.sha), raw.get(each.commit.id, []) if query.samples else None)
        for before, each in zip(earlier, shown, strict=False)
    ]
    return Points(series=_row(row), items=items, next=shown[0].commit.id if len(found) > len(shown) else None)


async def _place(db: AsyncConnection, commit_id: int) -> tuple[datetime, int]:
    found = (await points.commits(db, [commit_id])).get(commit_id)
    if found is None:
        raise NotFound("The cursor is of no commit that is still here; begin again without it.")
    return found.made_at, found.id


async def _raw(db: AsyncConnection, series_id: int, shown: Sequence[Measured]) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for each in await points.samples(db, [series_id], [one.commit.id for one in shown]):
        found.setdefault(each.commit_id, []).extend(each.samples)
    return found


def _point(
    before: Measured | None,
    each: Measured,
    jobs: Mapping[int | None, int],
    move: ChangePointView | None,
    raw: list[float] | None,
) -> PointRow:
    return PointRow(
        commit=each.commit.sha,
        title=each.commit.title,
        committed_at=each.commit.made_at,
        job_id=jobs.get(each.attempt_id),
        value=each.value,
        low=each.low,
        high=each.high,
        samples=each.count,
        change=change(before.value, each.value) if before else None,
        move=_move(move) if move else None,
        raw=raw,
    )


def _move(found: ChangePointView) -> Move:
    names = ("before", "after", "change", "low", "high", "is_worse", "state")
    return Move(alert=found.shift_id, **{name: getattr(found, name) for name in names})


def _row(row: Any) -> SeriesRow:
    return SeriesRow(**{name: row[name] for name in SeriesRow.model_fields if name in row}, repository=row["full_name"])
