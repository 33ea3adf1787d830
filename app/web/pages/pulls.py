"""One pull request: what was compared, how its head lies in the history, and its pipelines."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from quart import Response

from app.db.queries import bands, pipeline_lists, pull_requests, repositories
from app.db.queries.pipelines import PipelineView
from app.errors import NotFound
from app.history.plot import BAND_SIGMAS
from app.history.verdict import Verdict
from app.history.verdicts import Verdicts, Worst
from app.reporting import verdict_words
from app.results import verdicts as compared
from app.web.pages import places
from app.web.pages.answer import ID, answer, deps, found, page, renamed
from app.web.pages.comparing import TargetRow, target_row
from app.web.pages.repositories import FORGES
from app.web.pages.rows import titled

LAST = 30  # pipelines
OUTSIDE = 50  # rows


@dataclass(frozen=True, kw_only=True)
class ComparisonRow:
    """The head held against one baseline."""

    base: str
    head: str
    baseline: str
    verdict: Verdict | None
    headline: str
    mean: str
    fails: bool
    is_over: bool
    targets: list[TargetRow]
    worst: tuple[Worst, ...]


@dataclass(frozen=True, kw_only=True)
class BandRow:
    """A measurement of the head outside of what single points on the default branch do."""

    benchmark: str
    metric: str
    unit: str
    board_type: str
    configuration: str
    job_id: int | None
    value: float
    level: float
    low: float
    high: float
    is_worse: bool | None


@dataclass(frozen=True, kw_only=True)
class PullPage:
    """`/{forge}/{owner…}/{name}/pulls/{number}`."""

    forge: str
    full_name: str
    clone_url: str
    default_branch: str
    number: int
    title: str
    author: str
    head: str
    base_branch: str
    open: bool
    draft: bool
    from_fork: bool
    comparisons: list[ComparisonRow]
    in_history: int  # measurements of the head whose series has a level on the default branch
    outside: list[BandRow]  # of those, the ones outside of the band
    pipelines: list[PipelineView]


@page(f"/<{FORGES}:forge>/<path:full_name>/pulls/<{ID}:number>")
async def pull(forge: str, full_name: str, number: int) -> Response:
    """Show one pull request."""
    async with deps().begin() as db:
        row = found(await repositories.by_name(db, full_name, forge=forge), f"repository {forge}/{full_name} here")
        if row["full_name"].lower() != full_name.lower():
            return renamed(forge, row["full_name"], f"/pulls/{number}")
        known = await pull_requests.get(db, row["id"], number)
        last = await titled(db, await pipeline_lists.list_(db, repository=row["id"], pull_request=number, limit=LAST))
        if known is None and not last:
            raise NotFound(f"Nothing is known here of pull request {number} of {row['full_name']}.")
        head = known["head"] if known else last[0].commit
        held = await compared.of_pull_request(db, row["id"], number, head)
        beside = await bands.of_commit(db, row["id"], head, row["default_branch"])
    outside = [each for each in map(_band, beside) if not each.low <= each.value <= each.high]
    view = PullPage(
        **{name: row[name] for name in ("forge", "full_name", "clone_url", "default_branch")},
        **_facts(known, last),
        number=number,
        head=head,
        comparisons=[_comparison(each) for each in held],
        in_history=len(beside),
        outside=sorted(outside, key=_distance, reverse=True)[:OUTSIDE],
        pipelines=last,
    )
    return await answer("pull.html", view, words=verdict_words, places=places)


def _facts(known: sa.RowMapping | None, last: list[PipelineView]) -> dict[str, Any]:
    """Say what the forge told; without that, what the newest pipeline knows."""
    names = ("title", "author", "base_branch", "open", "draft", "from_fork")
    if known is not None:
        return {name: known[name] for name in names}
    newest = last[0]
    told = {"title": newest.title, "author": newest.requested_by, "from_fork": newest.from_fork}
    return {"base_branch": "", "open": True, "draft": False, **told}


def _comparison(of: Verdicts) -> ComparisonRow:
    return ComparisonRow(
        **{name: getattr(of, name) for name in ("base", "head", "verdict", "fails", "is_over", "worst")},
        baseline=verdict_words.baseline(of),
        headline=verdict_words.headline(of),
        mean=verdict_words.mean(of.ratio, of.in_mean),
        targets=[target_row(each) for each in of.targets],
    )


def _band(row: sa.RowMapping) -> BandRow:
    """Make the band as a chart shows it: 3 sigma around the level, wider where points hang together."""
    names = ("benchmark", "metric", "unit", "board_type", "configuration", "job_id", "value", "level")
    reach = BAND_SIGMAS * row["sigma"] * (row["inflation"] or 1.0) ** 0.5 * abs(row["level"])
    is_above = row["value"] > row["level"]
    return BandRow(
        **{name: row[name] for name in names},
        low=row["level"] - reach,
        high=row["level"] + reach,
        is_worse=None if row["better"] is None else is_above == (row["better"] == "lower"),
    )


def _distance(row: BandRow) -> tuple[bool, float]:
    """Order by worse first, then by how many bands a value is away."""
    return bool(row.is_worse), abs(row.value - row.level) / ((row.high - row.level) or 1e-12)
