"""The history of a repository: a chart and a table for each benchmark, metric, board type and configuration."""

from dataclasses import dataclass

from quart import Response

from app.db.queries import repositories, series
from app.history import chart
from app.history.chart import Chart
from app.history.series import Point, largest_step
from app.results.trends import Trend, trends
from app.web.pages.answer import answer, deps, found, number, page, text
from app.web.pages.repositories import FORGES

CHARTS = 24  # of one page
COMMITS, MOST_COMMITS = 100, 500  # points of one chart
EVERY = "*"  # as branch: all of them, also the one without a name, of dispatches
CHOICES = ("branch", "board_type", "configuration", "benchmark", "metric")


@dataclass(frozen=True, kw_only=True)
class HistoryPage:
    """`/{forge}/{owner…}/{name}/history`."""

    forge: str
    full_name: str
    clone_url: str
    default_branch: str
    filters: dict[str, str]  # with the default branch, unless another one is asked for
    commits: int  # at most so many per chart
    choices: dict[str, list[str]]  # what each filter can be
    trends: list[Trend]
    after: int | None  # the last series of the page before
    next: int | None  # `after` of the next page


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One chart and what its caption says in words, for those who do not see it."""

    trend: Trend
    chart: Chart
    step: Point | None  # the largest one outside of the noise


@page(f"/<{FORGES}:forge>/<path:full_name>/history")
async def history(forge: str, full_name: str) -> Response:
    """Show how the measurements of a repository moved."""
    after = number("after")
    commits = max(2, number("commits", largest=MOST_COMMITS) or COMMITS)
    async with deps().begin() as db:
        row = found(await repositories.by_name(db, full_name, forge=forge), f"repository {forge}/{full_name} here")
        choices = {name: await series.choices(db, row["id"], name) for name in CHOICES}
        filters = _filters(choices["branch"], row["default_branch"])
        shown = await trends(db, row["id"], filters, commits=commits, limit=CHARTS + 1, after=after)
    view = HistoryPage(
        **{name: row[name] for name in ("forge", "full_name", "clone_url", "default_branch")},
        filters=filters,
        commits=commits,
        choices=choices,
        trends=shown[:CHARTS],
        after=after,
        next=shown[CHARTS - 1].series_id if len(shown) > CHARTS else None,
    )
    return await answer("history.html", view, drawn=[_drawn(each) for each in view.trends if each.points])


def _filters(branches: list[str], default_branch: str) -> dict[str, str]:
    """Read the query string; without a branch it is the default one, as nobody compares all at once."""
    given = {name: value for name in CHOICES if (value := text(name)) is not None}
    if given.get("branch") == EVERY:
        del given["branch"]
    elif "branch" not in given and default_branch in branches:
        given["branch"] = default_branch
    return given


def _drawn(trend: Trend) -> Drawn:
    return Drawn(trend=trend, chart=chart.draw(trend.points, cap=trend.cap), step=largest_step(trend.points))
