"""Mutes: what raises no alarm for a while."""

from datetime import datetime
from http import HTTPStatus

from pydantic import Field

from app.db.queries import mutes
from app.db.queries.mutes import Muted
from app.deps import Deps
from app.handlers import shifts as deciding
from app.rights import Right
from app.web import auth
from app.web.api.operations import Given, Told, operation
from app.web.api.paging import Page, Paged, page
from app.web.api.shifts import repository_named
from app.web.api.words import FullName, Line, Word
from app.web.auth import Actor

LONGEST_DAYS = 366.0


class MuteFilter(Paged):
    """Which mutes."""

    repository: Word | None = Field(default=None, description="full name")


class NewMute(Given):
    """What raises no alarm, and for how long. A benchmark or a type of boards must be named."""

    repository: FullName
    benchmark: Line | None = None
    metric: Line | None = Field(default=None, description="only this one of the benchmark")
    board_type: Word | None = Field(default=None, description="only on these boards; alone: all that is measured there")
    days: float = Field(default=30.0, gt=0, le=LONGEST_DAYS, allow_inf_nan=False)
    reason: Line = Field(min_length=1, description="for other people")


class MuteTold(Told):
    """One mute that is not over."""

    id: int
    forge: str
    repository: str
    benchmark: str | None
    metric: str | None
    board_type: str | None
    reason: str
    said_by: str
    said_at: datetime
    until_at: datetime


@operation("GET", "/mutes", query=MuteFilter, answer=Page[MuteTold])
async def list_mutes(deps: Deps, *, query: MuteFilter) -> Page[MuteTold]:
    """List what raises no alarm now."""
    async with deps.begin() as db:
        repository_id = await repository_named(db, query.repository) if query.repository else None
        found = await mutes.list_(db, repository_id=repository_id, after=query.cursor, limit=query.limit + 1)
    return page([MuteTold.model_validate(each) for each in found], limit=query.limit)


@operation(
    "POST",
    "/mutes",
    right=Right.TRIAGE,
    finds_place=True,
    body=NewMute,
    answer=MuteTold,
    status=HTTPStatus.CREATED,
)
async def add_mute(deps: Deps, *, actor: Actor, body: NewMute) -> MuteTold:
    """Let a benchmark or a type of boards raise no alarm, and fail no status, for some days."""
    async with deps.begin() as db:
        repository_id = await repository_named(db, body.repository)
    auth.act_in(actor, Right.TRIAGE, repository_id)
    what = Muted(benchmark=body.benchmark, metric=body.metric, board_type=body.board_type)
    made = await deciding.mute(deps, repository_id, what, days=body.days, reason=body.reason, actor=actor.name)
    async with deps.begin() as db:
        (row,) = await mutes.list_(db, after=made - 1, limit=1)
    return MuteTold.model_validate(row)


@operation("DELETE", "/mutes/{mute_id}", right=Right.TRIAGE)
async def end_mute(deps: Deps, *, actor: Actor, mute_id: int) -> None:
    """End a mute now."""
    await deciding.unmute(deps, mute_id, actor=actor.name)
