"""One benchmark and metric: its series on every board type and configuration, on one time line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from quart import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import curves as queries
from app.results import curves
from app.results.curves import Cell, History
from app.web.pages import benchmark_view, places, plots, windows
from app.web.pages.answer import answer, deps
from app.web.pages.asked import Asked
from app.web.pages.benchmark_view import BenchmarkPage
from app.web.pages.facets import facets
from app.web.pages.windows import Window

NAMES = (*queries.FACETS, "series", "commits", "from", "to", "hide", "sort", "rows")
COMMITS, MOST_COMMITS = 2000, 10_000
MOST_SERIES = 10  # on one chart
MATCHING = 500  # series that choices are made of
ROWS = 200  # commits of one page of the table
EVERY = "*"  # as branch: all of them


@dataclass(frozen=True, kw_only=True)
class Picked:
    """The series of the page, and what else there is to pick."""

    rows: list[sa.RowMapping]
    filters: dict[str, list[str]]
    choices: dict[str, list[str]]
    matching: int


@dataclass(frozen=True)
class Seen:
    """What was read of them."""

    history: History
    at: Window
    cells: Mapping[int, Mapping[int, Cell]]
    remarks: Sequence[sa.RowMapping]
    is_cut: bool  # there may be older commits


@dataclass(frozen=True, kw_only=True)
class Table:
    """The page of the table: positions of commits."""

    shown: Sequence[int]
    after: int
    next: int | None


async def show(row: sa.RowMapping, asked: Asked) -> Response:
    """Show one benchmark and metric of a repository."""
    async with deps().begin() as db:
        picked = await _picked(db, row, asked)
        most = min(_number(asked, "commits") or COMMITS, MOST_COMMITS)
        history, remarks = await curves.read(db, picked.rows, commits=most, repository_id=row["id"])
        at = windows.window(history, asked)
        order = windows.order(history, at, asked)
        after = min(_number(asked, "rows") or 0, len(order))
        shown = order[after : after + ROWS]
        cells = await curves.cells(db, history, shown)
    table = Table(shown=shown, after=after, next=after + ROWS if after + ROWS < len(order) else None)
    view = _view(row, asked, picked, Seen(history, at, cells, remarks, is_cut=len(history.commits) == most), table)
    drawing = plots.drawing(history, view) if view.is_drawn else None
    return await answer(
        "benchmark.html",
        view,
        sheet=benchmark_view.sheet(view),
        asked=asked,
        drawing=drawing,
        texts=benchmark_view.texts(view),
        facets=facets(
            asked,
            picked.choices,
            picked.filters,
            single=("unit",),
            every={"branch": EVERY},
            forget=("series", "rows", "hide"),
        ),
        zooms=windows.zooms(history, at, asked),
        told=plots.told,
        places=places,
    )


def _view(row: sa.RowMapping, asked: Asked, picked: Picked, seen: Seen, table: Table) -> BenchmarkPage:
    hidden = {int(each) for value in asked.all("hide") for each in value.split(",") if each.isdigit()}
    return BenchmarkPage(
        **{name: row[name] for name in ("forge", "full_name", "clone_url", "default_branch")},
        benchmark=asked.one("benchmark") or "",
        metric=asked.one("metric") or "",
        unit=picked.rows[0]["unit"] if picked.rows else "",
        filters=picked.filters,
        choices=picked.choices,
        matching=picked.matching,
        commits=len(seen.history.commits),
        more_commits=seen.is_cut,
        first=seen.at[0],
        last=seen.at[1],
        sort=asked.one("sort") or "",
        series=[benchmark_view.head(each, number, hidden) for number, each in enumerate(seen.history.curves)],
        items=benchmark_view.rows(seen.history, table.shown, seen.cells, seen.remarks),
        after=table.after,
        next=table.next,
        moves=benchmark_view.moves(seen.history),
        remarks=benchmark_view.concerning(seen.history, seen.remarks),
    )


async def _picked(db: AsyncConnection, row: sa.RowMapping, asked: Asked) -> Picked:
    """Choose the series: those named, else those of the default branch that the filters leave; one unit only."""
    named = {name: asked.all(name) for name in ("benchmark", "metric")}
    found = await queries.matching(db, row["id"], named, limit=MATCHING)
    choices = {name: sorted({each[name] for each in found}) for name in queries.FACETS if name not in named}
    filters = {name: values for name in choices if (values := asked.all(name))}
    picked = {int(each) for each in asked.all("series") if each.isdigit()}
    if picked:
        found = [each for each in found if each["id"] in picked]
    elif "branch" not in filters and row["default_branch"] in choices["branch"]:
        filters["branch"] = [row["default_branch"]]
    for name, values in filters.items():
        if values != [EVERY]:
            found = [each for each in found if each[name] in values]
    units = list(dict.fromkeys(each["unit"] for each in found))
    found = [each for each in found if each["unit"] == units[0]]
    return Picked(rows=found[:MOST_SERIES], filters=filters, choices=choices, matching=len(found))


def _number(asked: Asked, name: str) -> int | None:
    value = asked.one(name) or ""
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 9 else None
