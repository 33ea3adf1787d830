"""Shifts, which pages and commands call alerts: where histories moved, and what people say of it."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import Triage
from app.db.queries import repositories, shifts
from app.db.queries.shifting import OPEN
from app.db.queries.shifts import ChangePointView, ShiftView, Wanted
from app.deps import Deps
from app.errors import NotFound
from app.handlers import shifts as deciding
from app.handlers.shifts import Word as Said
from app.rights import Right
from app.web.api.operations import INT4, Given, Told, operation
from app.web.api.paging import LONGEST_PAGE, USUAL_PAGE, Page, Paged, page
from app.web.api.words import Line, Lines, Word
from app.web.auth import Actor


def _web_link(text: str) -> str:
    if text and not text.startswith(("https://", "http://")):
        raise ValueError("must be an http: or https: address")
    return text


Reason = Annotated[Lines, Field(max_length=2000)]
Link = Annotated[Line, Field(max_length=2000), AfterValidator(_web_link)]


class ShiftFilter(Paged):
    """Which shifts; every condition must hold."""

    repository: Word | None = Field(default=None, description="full name")
    state: Triage | None = Field(default=None, description="default: new and acknowledged ones")
    every: bool = Field(default=False, description="of all states")
    worse: bool | None = Field(default=None, description="for the worse, or not")
    muted: bool | None = Field(default=None, description="only muted ones, or none of them")
    overdue: bool | None = Field(default=None, description="new for more than a week")
    branch: Word | None = None
    benchmark: Line | None = None
    board_type: Word | None = None
    assignee: Word | None = None


class ShiftTold(Told):
    """A shift: change points whose commit ranges overlap. Changes are relative, as measured: 0.05 is 5 % more."""

    id: int
    forge: str
    repository: str
    branch: str
    after: str = Field(description="the newest commit that surely had the old level")
    until: str = Field(description="the oldest commit that surely has the new one")
    title: str
    state: Triage
    is_worse: bool
    is_overdue: bool
    is_muted: bool
    said_by: str = Field(description="`rigline` where the numbers said so by themselves")
    said_at: datetime | None
    reason: str
    link: str
    assignee: str
    agreed_change: float | None = Field(description="how much worse it was when it was judged")
    opened_at: datetime
    closed_at: datetime | None
    change_points: int
    boards: list[str]
    benchmark: str = Field(description="of the largest change point")
    metric: str
    change: float | None = Field(description="of the largest change point")
    series_id: int | None
    url: str = Field(description="its page")


class ChangePointTold(Told):
    """The commit range in which one series shifted."""

    id: int
    shift_id: int
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
    after_commit: str
    until_commit: str
    before: float = Field(description="median, in the series' unit")
    after: float
    change: float
    low: float | None = Field(description="99 % interval of the change")
    high: float | None
    is_worse: bool | None
    points_after: int = Field(description="how many confirm it")
    found_at: datetime
    recovered_at: datetime | None
    is_muted: bool


class Offset(Given):
    """Which page of a list that is ordered by size."""

    cursor: int = Field(default=0, ge=0, le=INT4, description="`next` of the page before; nothing for the first page")
    limit: int = Field(default=USUAL_PAGE, ge=1, le=LONGEST_PAGE, description="items of one page")


class Triaged(Given):
    """What somebody says of a shift. What is left out stays as it is."""

    state: Triage | None = Field(default=None, strict=False, description="not recovered: the numbers say that")
    reason: Reason | None = Field(default=None, description="for other people")
    link: Link | None = Field(default=None, description="such as an issue's address")
    assignee: Line | None = Field(default=None, max_length=200, description="who looks after it")


@operation("GET", "/shifts", query=ShiftFilter, answer=Page[ShiftTold])
async def list_shifts(deps: Deps, *, query: ShiftFilter) -> Page[ShiftTold]:
    """List where histories moved, the newest first: what waits for somebody, unless another state is asked for."""
    async with deps.begin() as db:
        found = await shifts.list_(db, await _wanted(db, query), before=query.cursor or None, limit=query.limit + 1)
    return page([told(deps, each) for each in found], limit=query.limit)


@operation("GET", "/shifts/{shift_id}", answer=ShiftTold)
async def show_shift(deps: Deps, *, shift_id: int) -> ShiftTold:
    """Read one shift."""
    async with deps.begin() as db:
        return told(deps, await found(db, shift_id))


@operation("GET", "/shifts/{shift_id}/change-points", query=Offset, answer=Page[ChangePointTold])
async def list_change_points(deps: Deps, *, shift_id: int, query: Offset) -> Page[ChangePointTold]:
    """List the change points of a shift, the largest change first."""
    async with deps.begin() as db:
        await found(db, shift_id)
        rows = await shifts.change_points(db, shift_id, after=query.cursor, limit=query.limit + 1)
    following = query.cursor + query.limit if len(rows) > query.limit else None
    return Page(items=[_change_point(each) for each in rows[: query.limit]], next=following)


@operation("POST", "/shifts/{shift_id}", right=Right.TRIAGE, body=Triaged, answer=ShiftTold)
async def judge_shift(deps: Deps, *, actor: Actor, shift_id: int, body: Triaged) -> ShiftTold:
    """Say what is to be thought of a shift. It holds until the shift grows by more than its tolerance.

    409 for `recovered`, which only measurements say.
    """
    await deciding.say(deps, shift_id, Said(**body.model_dump()), actor=actor.name)
    return await show_shift(deps, shift_id=shift_id)


async def found(db: AsyncConnection, shift_id: int) -> ShiftView:
    """Read a shift.

    Raises:
        NotFound: there is none.
    """
    row = await shifts.get(db, shift_id)
    if row is None:
        raise NotFound(f"There is no alert {shift_id}.")
    return row


def told(deps: Deps, row: ShiftView) -> ShiftTold:
    """Say a shift to programs."""
    names = ShiftTold.model_fields.keys() - {"url"}
    url = f"{deps.settings.public_url}/{row.forge}/{row.repository}/alerts/{row.id}"
    return ShiftTold(**{name: getattr(row, name) for name in names}, url=url)


def _change_point(row: ChangePointView) -> ChangePointTold:
    return ChangePointTold(**{name: getattr(row, name) for name in ChangePointTold.model_fields})


async def _wanted(db: AsyncConnection, query: ShiftFilter) -> Wanted:
    repository_id = await repository_named(db, query.repository) if query.repository else None
    states = {query.state} if query.state else None if query.every else OPEN
    return Wanted(
        repository_id=repository_id,
        states=states,
        is_worse=query.worse,
        is_muted=query.muted,
        is_overdue=query.overdue,
        **{name: getattr(query, name) for name in ("branch", "benchmark", "board_type", "assignee")},
    )


async def repository_named(db: AsyncConnection, full_name: str) -> int:
    """Find a repository that is served.

    Raises:
        NotFound: there is none of the name.
    """
    row = await repositories.by_name(db, full_name)
    if row is None:
        raise NotFound(f"There is no repository {full_name} here.")
    return int(row["id"])
