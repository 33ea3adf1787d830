"""The start page: what happens now, what happened last, and what to do first."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from quart import Response, current_app, request
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import Health
from app.db.queries import glances, lab, pipeline_lists, repositories, why
from app.db.queries import pages as queries
from app.db.queries.pipelines import PipelineView
from app.states import HELD, JobState
from app.web import progress
from app.web.pages import places
from app.web.pages.answer import answer, deps, go_to, page
from app.web.pages.days import Day, Days, bars
from app.web.pages.fresh import is_partial, wants
from app.web.pages.reasons import ReasonRow, counted
from app.web.pages.rows import BoardRow, JobRow, board_row, job_row, titled
from app.web.pages.welcome import is_first_visit

LAST, NOW, VERDICTS, TROUBLED = 10, 8, 6, 12  # rows of what ended, of what runs, of what was judged, boards
LOOKED_AT = 100  # queued jobs that are asked why they wait
OUT = (Health.QUARANTINED, Health.BAD, Health.MAINTENANCE)


@dataclass(frozen=True, kw_only=True)
class RepositoryRow:
    """One repository that is served."""

    forge: str
    full_name: str
    default_branch: str


@dataclass(frozen=True, kw_only=True)
class StandingRow:
    """How many boards stand so."""

    availability: str
    health: str
    boards: int


@dataclass(frozen=True, kw_only=True)
class RunningRow(JobRow):
    """A job that holds a board, and how far it is."""

    share: float | None  # 0 … 1; None: none like it has passed yet
    left_s: float | None


@dataclass(frozen=True, kw_only=True)
class ShiftGlance:
    """An alert, with its largest change."""

    id: int
    state: str
    branch: str
    opened_at: datetime
    forge: str
    full_name: str
    sha: str
    title: str
    benchmark: str
    metric: str
    board_type: str
    change: float
    is_worse: bool | None


@dataclass(frozen=True, kw_only=True)
class AnswerGlance:
    """What a comparison of two commits came to."""

    id: int
    job_id: int
    base: str
    head: str
    kind: str
    board_type: str
    configuration: str
    counts: dict[str, int]  # verdict → rows
    judged_at: datetime
    pull_request: int | None
    title: str
    forge: str
    full_name: str


@dataclass(kw_only=True)
class Dashboard:
    """`/`. What a page that is open did not ask for is empty."""

    public_url: str
    counts: dict[str, int] = field(default_factory=dict)  # open jobs by state
    running: list[RunningRow] = field(default_factory=list)
    waiting: list[JobRow] = field(default_factory=list)
    reasons: list[ReasonRow] = field(default_factory=list)
    standings: list[StandingRow] = field(default_factory=list)
    boards: list[BoardRow] = field(default_factory=list)  # those that are out, or busy
    shifts: list[ShiftGlance] = field(default_factory=list)
    answers: list[AnswerGlance] = field(default_factory=list)
    pipelines: list[PipelineView] = field(default_factory=list)
    repositories: list[RepositoryRow] = field(default_factory=list)
    days: list[Day] = field(default_factory=list)

    @property
    def totals(self) -> dict[str, int]:
        """Count boards by availability."""
        found: dict[str, int] = {}
        for each in self.standings:
            found[each.availability] = found.get(each.availability, 0) + each.boards
        return found

    @property
    def out(self) -> dict[str, int]:
        """Count the boards by what keeps them out."""
        found: dict[str, int] = {}
        for each in self.standings:
            if each.health in OUT:
                found[each.health] = found.get(each.health, 0) + each.boards
        return found


@page("/")
async def dashboard() -> Response:
    """Show the state of everything at a glance; on the very first visit lead to the page for that."""
    if request.path == "/" and not is_partial() and await is_first_visit():
        return go_to("/welcome")
    view = Dashboard(public_url=deps().settings.public_url)
    async with deps().begin() as db:
        if wants("figures") or wants("boards"):
            view.counts = await queries.open_counts(db)
            standings = await glances.boards_by_standing(db)
            rows = [StandingRow(availability=how, health=health, boards=n) for (how, health), n in standings.items()]
            view.standings = sorted(rows, key=lambda row: (row.availability, row.health))
        await _now(db, view)
        await _last(db, view)
    if wants("days"):
        view.days = await _days().last(deps())
    return await answer("dashboard.html", view, bars=bars(view.days), places=places)


async def _now(db: AsyncConnection, view: Dashboard) -> None:
    if wants("now"):
        view.running = [await _running(db, each) for each in await queries.jobs_in(db, HELD, limit=NOW)]
    if wants("waiting"):
        queued = await queries.jobs_in(db, frozenset({JobState.QUEUED}), limit=LOOKED_AT)
        waits = await why.waits(db, [each["id"] for each in queued], deps().settings.caps)
        view.waiting = [job_row(each, waits.get(each["id"])) for each in queued[:NOW]]
        view.reasons = counted(waits.values())
    if wants("boards"):
        rows = [*await lab.boards(db, healths=OUT, limit=TROUBLED), *await lab.boards(db, limit=TROUBLED)]
        by_id = {row["id"]: row for row in rows}
        view.boards = [board_row(each) for each in by_id.values()][:TROUBLED]


async def _running(db: AsyncConnection, row: sa.RowMapping) -> RunningRow:
    far = await progress.of_job(db, row["id"])
    return RunningRow(**vars(job_row(row)), share=far.share if far else None, left_s=far.left_s if far else None)


async def _last(db: AsyncConnection, view: Dashboard) -> None:
    if wants("verdicts"):
        view.shifts = _taken(ShiftGlance, await glances.newest_shifts(db, limit=VERDICTS))
        view.answers = _taken(AnswerGlance, await glances.newest_answers(db, limit=VERDICTS))
    if wants("last"):
        view.pipelines = await titled(db, await pipeline_lists.list_(db, limit=LAST))
    if wants("figures") or wants("last"):
        view.repositories = _taken(RepositoryRow, await repositories.list_(db, limit=30))


def _taken(kind: Any, rows: Sequence[Any]) -> list[Any]:
    return [kind(**{name: row[name] for name in kind.__dataclass_fields__}) for row in rows]


def _days() -> Days:
    found: Days = current_app.extensions.setdefault("days", Days())
    return found
