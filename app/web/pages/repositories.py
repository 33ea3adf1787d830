"""One repository: its boards and what they last said, what shifted, its benchmarks by groups, its last pipelines."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from quart import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import overviews, pipeline_lists, points, repositories
from app.db.queries.pipelines import PipelineView
from app.history import groups, plot
from app.states import JobState
from app.web.pages import places
from app.web.pages.answer import answer, deps, found, page, renamed
from app.web.pages.exports import Sheet
from app.web.pages.fresh import wants
from app.web.pages.rows import titled

FORGES = "any(github, gitlab, git, fake)"  # an address of anything else is unknown, not a repository
LAST = 12  # pipelines
SPARK = 40  # commits of a small chart
GROUPS = 100  # each with a small chart
MEMBERS = 120  # series whose points are read for all groups together
SHIFTS = 20


@dataclass(frozen=True, kw_only=True)
class TargetRow:
    """One board type with a configuration, and the newest job of the default branch there."""

    board_type: str
    configuration: str
    job_id: int
    state: JobState
    commit: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class ShiftRow:
    """An alert that somebody has to look at, with its largest change."""

    id: int
    state: str
    branch: str
    sha: str
    title: str
    opened_at: datetime
    benchmark: str
    metric: str
    unit: str
    board_type: str
    configuration: str
    before: float
    after: float
    change: float
    is_worse: bool | None
    series: int  # that shifted together


@dataclass(kw_only=True)
class GroupRow:
    """Benchmarks of one group on one board type and configuration, by metric."""

    group: str  # empty: those without one
    metric: str
    board_type: str
    configuration: str
    better: str | None
    benchmarks: int = 0
    drawn: int = 0  # of which the line is made
    line: list[float] = field(default_factory=list)  # relative to the middle of each, in commit order


@dataclass(frozen=True, kw_only=True)
class RepositoryPage:
    """`/{forge}/{owner…}/{name}`."""

    forge: str
    full_name: str
    clone_url: str
    default_branch: str
    private: bool
    targets: list[TargetRow]
    shifts: list[ShiftRow]
    groups: list[GroupRow]  # of the default branch
    more_groups: int
    pipelines: list[PipelineView]


@page(f"/<{FORGES}:forge>/<path:full_name>", csv=True)
async def repository(forge: str, full_name: str) -> Response:
    """Show one repository."""
    async with deps().begin() as db:
        row = found(await repositories.by_name(db, full_name, forge=forge), f"repository {forge}/{full_name} here")
        if row["full_name"].lower() != full_name.lower():  # it left that name
            return renamed(forge, row["full_name"])
        branch = row["default_branch"]
        last = await _last(db, row["id"]) if wants("last") else []
        targets = await overviews.targets(db, row["id"], branch) if wants("targets") else []
        shifts = await overviews.open_shifts(db, row["id"], limit=SHIFTS) if wants("shifts") else []
        grouped = await overviews.groups(db, row["id"], branch, members=MEMBERS) if wants("groups") else []
        rows = await _lines(db, grouped[:GROUPS])
    view = RepositoryPage(
        **{name: row[name] for name in ("forge", "full_name", "clone_url", "default_branch", "private")},
        targets=[TargetRow(**each) for each in targets],
        shifts=[ShiftRow(**each) for each in shifts],
        groups=rows,
        more_groups=len(grouped) - len(rows),
        pipelines=last,
    )
    sparks = [plot.spark(each.line) if each.line else None for each in rows]
    return await answer(
        "repository.html", view, sheet=sheet(view), sparks=sparks, places=places, repository_id=row["id"]
    )


async def _last(db: AsyncConnection, repository_id: int) -> list[PipelineView]:
    return await titled(db, await pipeline_lists.list_(db, repository=repository_id, limit=LAST))


async def _lines(db: AsyncConnection, grouped: Sequence[Any]) -> list[GroupRow]:
    """Draw each group by its first members: as many as can be read for all groups at once."""
    most = max(1, MEMBERS // max(1, len(grouped)))
    latest = await points.latest(db, [each for row in grouped for each in row["members"][:most]], commits=SPARK)
    values = {each.series_id: each.values for each in latest}
    return [
        GroupRow(
            **{name: row[name] for name in ("group", "metric", "board_type", "configuration", "better", "benchmarks")},
            drawn=len(row["members"][:most]),
            line=groups.together([values[each] for each in row["members"][:most] if each in values])[-SPARK:],
        )
        for row in grouped
    ]


def sheet(view: RepositoryPage) -> Sheet:
    """Give the groups as a sheet."""
    fields = ("group", "metric", "board_type", "configuration", "better", "benchmarks", "latest")
    lines = [
        (*(getattr(each, name) for name in fields[:-1]), each.line[-1] if each.line else None) for each in view.groups
    ]
    return Sheet(fields=fields, lines=lines)
