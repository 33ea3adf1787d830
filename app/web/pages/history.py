"""The series of a repository as a list; one benchmark and metric of it as a chart."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from quart import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import curves, overviews, points, repositories, series
from app.history import plot
from app.web.pages import benchmark, places
from app.web.pages.answer import answer, deps, found, page, renamed
from app.web.pages.asked import Asked
from app.web.pages.benchmark import EVERY
from app.web.pages.exports import Sheet
from app.web.pages.facets import facets
from app.web.pages.repositories import FORGES

NAMES = (*curves.FACETS, "q", "sort", "after")
ROWS = 100
SPARK = 40  # commits of a small chart
MOST_ROWS = 1_000_000  # that can be skipped


@dataclass(frozen=True, kw_only=True)
class LastShift:
    """The newest change point of a series."""

    alert: int
    sha: str
    before: float
    after: float
    change: float
    is_worse: bool | None


@dataclass(frozen=True, kw_only=True)
class SeriesRow:
    """One series in the list."""

    id: int
    benchmark: str
    metric: str
    unit: str
    params: dict[str, Any]
    version: str
    better: str | None
    branch: str
    board_type: str
    configuration: str
    latest: float | None
    points: list[float]  # the latest ones, in commit order
    level: float | None
    noise: float | None  # relative
    shift: LastShift | None


@dataclass(frozen=True, kw_only=True)
class HistoryPage:
    """`/{forge}/{owner…}/{name}/history`."""

    forge: str
    full_name: str
    clone_url: str
    default_branch: str
    filters: dict[str, list[str]]
    choices: dict[str, list[str]]
    q: str
    sort: str
    items: list[SeriesRow]
    after: int
    next: int | None  # `after` of the next page


@page(f"/<{FORGES}:forge>/<path:full_name>/history", csv=True)
async def history(forge: str, full_name: str) -> Response:
    """List the series of a repository; with a benchmark and a metric, show how these moved."""
    async with deps().begin() as db:
        row = found(await repositories.by_name(db, full_name, forge=forge), f"repository {forge}/{full_name} here")
    if row["full_name"].lower() != full_name.lower():  # it left that name
        return renamed(forge, row["full_name"], "/history")
    one = Asked.of_request(benchmark.NAMES)
    if one.one("benchmark") and one.one("metric"):
        return await benchmark.show(row, one)
    return await _list(row, Asked.of_request(NAMES))


async def _list(row: sa.RowMapping, asked: Asked) -> Response:
    sort, after = asked.one("sort") or "name", _skipped(asked)
    async with deps().begin() as db:
        filters = await _filters(db, row, asked)
        branches = filters.get("branch", [])
        only = branches[0] if len(branches) == 1 and branches != [EVERY] else None
        choices = await overviews.choices(db, row["id"], only)
        wanted = {name: values for name, values in filters.items() if values != [EVERY]}
        rows = await overviews.listed(
            db, row["id"], wanted, search=asked.one("q"), sort=sort, after=after, limit=ROWS + 1
        )
        latest = await latest_points(db, [each["id"] for each in rows[:ROWS]], commits=SPARK)
    view = HistoryPage(
        **{name: row[name] for name in ("forge", "full_name", "clone_url", "default_branch")},
        filters=filters,
        choices=choices,
        q=asked.one("q") or "",
        sort=sort,
        items=[_row(each, latest.get(each["id"], [])) for each in rows[:ROWS]],
        after=after,
        next=after + ROWS if len(rows) > ROWS else None,
    )
    return await answer(
        "history.html",
        view,
        sheet=sheet(view),
        asked=asked,
        sparks={each.id: plot.spark(each.points) for each in view.items if each.points},
        facets=facets(asked, choices, filters, every={"branch": EVERY}, forget=("after",)),
        places=places,
    )


async def latest_points(db: AsyncConnection, series_ids: list[int], *, commits: int) -> dict[int, list[float]]:
    """Read the latest points of some series, each in commit order; a commit measured twice gives the latter one."""
    columns = await points.latest(db, series_ids, commits=commits)
    return {each.series_id: list(dict(zip(each.commit_ids, each.values, strict=True)).values()) for each in columns}


async def _filters(db: AsyncConnection, row: sa.RowMapping, asked: Asked) -> dict[str, list[str]]:
    """Read the filters; without a branch it is the default one, if it was measured: nobody looks at all at once."""
    given = {name: values for name in curves.FACETS if (values := asked.all(name))}
    if "branch" not in given:
        default = {"branch": row["default_branch"]}
        if await series.list_(db, row["id"], default, limit=1):
            given["branch"] = [row["default_branch"]]
    return given


def _skipped(asked: Asked) -> int:
    value = asked.one("after") or ""
    return min(int(value), MOST_ROWS) if value.isascii() and value.isdigit() else 0


def _row(row: sa.RowMapping, latest: list[float]) -> SeriesRow:
    names = (
        "id",
        "benchmark",
        "metric",
        "unit",
        "params",
        "version",
        "better",
        "branch",
        "board_type",
        "configuration",
    )
    moved = ("before", "after", "change", "is_worse", "sha")
    last = LastShift(alert=row["shift_id"], **{name: row[name] for name in moved}) if row["shift_id"] else None
    return SeriesRow(
        **{name: row[name] for name in names},
        latest=latest[-1] if latest else None,
        points=latest,
        level=row["level"],
        noise=row["sigma"],
        shift=last,
    )


def sheet(view: HistoryPage) -> Sheet:
    """Give the list as a sheet."""
    own = ("benchmark", "metric", "unit", "better", "branch", "board_type", "configuration", "latest", "level", "noise")
    fields = (*own, "params", "shift", "shift_commit")
    lines = [
        (
            *(getattr(each, name) for name in own),
            " ".join(f"{name}={value}" for name, value in each.params.items()),
            each.shift.change if each.shift else None,
            each.shift.sha if each.shift else None,
        )
        for each in view.items
    ]
    return Sheet(fields=fields, lines=lines)
