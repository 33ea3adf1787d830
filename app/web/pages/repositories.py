"""One repository: its last pipelines, and its benchmarks at a glance."""

from dataclasses import dataclass

from quart import Response

from app.db.queries import pipelines, repositories
from app.db.queries.pipelines import PipelineView
from app.history import chart
from app.results.trends import Trend, trends
from app.web.pages.answer import answer, deps, found, page, renamed
from app.web.pages.rows import titled

FORGES = "any(github, gitlab, git, fake)"  # an address of anything else is unknown, not a repository
LAST = 20
SPARK = 40  # commits of a small chart
BENCHMARKS = 60


@dataclass(frozen=True, kw_only=True)
class RepositoryPage:
    """`/{forge}/{owner…}/{name}`."""

    forge: str
    full_name: str
    clone_url: str
    default_branch: str
    private: bool
    pipelines: list[PipelineView]
    trends: list[Trend]  # of the default branch
    more_trends: bool


@page(f"/<{FORGES}:forge>/<path:full_name>")
async def repository(forge: str, full_name: str) -> Response:
    """Show one repository."""
    async with deps().begin() as db:
        row = found(await repositories.by_name(db, full_name, forge=forge), f"repository {forge}/{full_name} here")
        if row["full_name"].lower() != full_name.lower():  # it left that name
            return renamed(forge, row["full_name"])
        last = await titled(db, await pipelines.list_(db, repository=row["id"], limit=LAST))
        branch = {"branch": row["default_branch"]}
        benchmarks = await trends(db, row["id"], branch, commits=SPARK, limit=BENCHMARKS + 1)
    view = RepositoryPage(
        **{name: row[name] for name in ("forge", "full_name", "clone_url", "default_branch", "private")},
        pipelines=last,
        trends=benchmarks[:BENCHMARKS],
        more_trends=len(benchmarks) > BENCHMARKS,
    )
    sparks = {each.series_id: chart.spark(each.points) for each in view.trends if each.points}
    return await answer("repository.html", view, sparks=sparks)
