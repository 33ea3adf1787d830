"""Boards: how well they are, and what their owners say of them."""

from datetime import datetime
from http import HTTPStatus

from pydantic import Field

from app.db.models import Health
from app.db.queries import audit, health, lab
from app.deps import Deps
from app.handlers import boards
from app.rights import Right
from app.states import JobState
from app.web.api.builders import BoardTold
from app.web.api.operations import Given, Told, operation
from app.web.api.paging import Page, Paged, page
from app.web.api.words import Line, Name
from app.web.auth import Actor

LONGEST_HOLD_MIN = 7 * 24 * 60.0
SHOWN = 20  # checks and lines of the audit trail


class OfBuilder(Given):
    """Which board is meant, if several builders have one of that name."""

    builder: Name | None = Field(default=None, description="only needed if several builders have a board of that name")


class Reason(Given):
    """Why something is done; other people read it."""

    reason: Line = Field(default="", description="for other people")


class Maintenance(Given):
    """What is done to a board."""

    reason: Line = Field(min_length=1, description="for other people")


class Hold(Given):
    """How long a board is kept, and from when."""

    minutes: float = Field(gt=0, le=LONGEST_HOLD_MIN, allow_inf_nan=False)
    on_failure: bool = Field(default=False, description="not now, but when a job on it goes wrong")
    reason: Line = Field(default="", description="for other people")


class CheckTold(Told):
    """One check of a board: an ordinary job, whose log is what the check printed."""

    id: int = Field(description="the job's")
    state: JobState
    reason: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class HappenedTold(Told):
    """Something that was done to a board, or found out about it."""

    at: datetime
    actor: str
    action: str
    detail: str


class BoardShown(BoardTold):
    """A board with its past."""

    checks: list[CheckTold] = Field(description="the newest first")
    output: str = Field(description="the end of what its last check printed")
    history: list[HappenedTold] = Field(description="the newest first")


class CheckAsked(Told):
    """A check that will tell."""

    board: str
    builder: str
    job_id: int


@operation("GET", "/boards", query=Paged, answer=Page[BoardTold])
async def list_boards(deps: Deps, *, query: Paged) -> Page[BoardTold]:
    """List the boards that builders offer, with the configurations on them and the job they run."""
    async with deps.begin() as db:
        found = await lab.boards(db, after=query.cursor, limit=query.limit + 1)
    return page([BoardTold(**board) for board in found], limit=query.limit)


@operation("GET", "/boards/{name}", query=OfBuilder, answer=BoardShown)
async def show_board(deps: Deps, *, name: str, query: OfBuilder) -> BoardShown:
    """Read one board: its health, its last checks with what the last one printed, and what was done to it."""
    return await _shown(deps, await boards.find(deps, name, query.builder))


@operation(
    "POST",
    "/boards/{name}/check",
    right=Right.LAB,
    query=OfBuilder,
    answer=CheckAsked,
    status=HTTPStatus.ACCEPTED,
)
async def check_board(deps: Deps, *, actor: Actor, name: str, query: OfBuilder) -> CheckAsked:
    """Have the board checked by its builder, whatever its health; the job tells how it went.

    409 while a job runs on it or a person holds it, and if its builder has no check for it.
    """
    board_id = await boards.find(deps, name, query.builder)
    job_id = await boards.check(deps, board_id, actor=actor.name)
    shown = await _shown(deps, board_id)
    return CheckAsked(board=shown.name, builder=shown.builder, job_id=job_id)


@operation("POST", "/boards/{name}/good", right=Right.LAB, query=OfBuilder, body=Reason, answer=BoardShown)
async def call_board_good(deps: Deps, *, actor: Actor, name: str, query: OfBuilder, body: Reason) -> BoardShown:
    """Say that a board is good: it gets jobs again, and its troubles so far are forgotten."""
    return await _set_health(deps, actor, name, query, wanted=Health.GOOD, reason=body.reason)


@operation("POST", "/boards/{name}/maintenance", right=Right.LAB, query=OfBuilder, body=Maintenance, answer=BoardShown)
async def maintain_board(deps: Deps, *, actor: Actor, name: str, query: OfBuilder, body: Maintenance) -> BoardShown:
    """Take a board out to work on it, until somebody says that it is good. A job that runs on it ends normally."""
    return await _set_health(deps, actor, name, query, wanted=Health.MAINTENANCE, reason=body.reason)


@operation("POST", "/boards/{name}/hold", right=Right.LAB, query=OfBuilder, body=Hold, answer=BoardShown)
async def hold_board(deps: Deps, *, actor: Actor, name: str, query: OfBuilder, body: Hold) -> BoardShown:
    """Keep a board for a person for some minutes, now or after the next job on it that goes wrong."""
    board_id = await boards.find(deps, name, query.builder)
    how_long = body.minutes * 60
    await boards.hold(deps, board_id, how_long, on_failure=body.on_failure, reason=body.reason, actor=actor.name)
    return await _shown(deps, board_id)


@operation("POST", "/boards/{name}/release", right=Right.LAB, query=OfBuilder, answer=BoardShown)
async def release_board(deps: Deps, *, actor: Actor, name: str, query: OfBuilder) -> BoardShown:
    """Give a held board back, also one that was only to be held."""
    board_id = await boards.find(deps, name, query.builder)
    await boards.release(deps, board_id, actor=actor.name)
    return await _shown(deps, board_id)


async def _set_health(
    deps: Deps, actor: Actor, name: str, query: OfBuilder, *, wanted: Health, reason: str
) -> BoardShown:
    board_id = await boards.find(deps, name, query.builder)
    await boards.set_health(deps, board_id, wanted, reason=reason, actor=actor.name)
    return await _shown(deps, board_id)


async def _shown(deps: Deps, board_id: int) -> BoardShown:
    async with deps.begin() as db:
        [row] = await lab.boards(db, board_id=board_id)
        checks = await health.checks(db, board_id, SHOWN)
        output = await health.last_output(db, board_id)
        history = await audit.of_board(db, board_id, SHOWN)
    return BoardShown(
        **row,
        checks=[CheckTold(**each) for each in checks],
        output=output.decode(errors="replace"),
        history=[HappenedTold(**each) for each in history],
    )
