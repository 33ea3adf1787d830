"""Schedules: the rules of repositories that go by the clock."""

from datetime import datetime

from pydantic import Field

from app.db.queries import schedules
from app.deps import Deps
from app.handlers import schedule_control as deciding
from app.rights import Right
from app.web.api.operations import Told, operation
from app.web.api.paging import Page, Paged, page
from app.web.api.series import repository
from app.web.api.words import Word
from app.web.auth import Actor


class ScheduleFilter(Paged):
    """Which schedules."""

    repository: Word | None = Field(default=None, description="full name")


class ScheduleRow(Told):
    """One rule that goes by the clock."""

    id: int
    repository_id: int
    forge: str
    repository: str
    rule: str
    cron: str
    zone: str
    next_at: datetime
    last_at: datetime | None
    paused_at: datetime | None = Field(description="since when it rests; null: it does not")
    paused_by: str


class Ran(Told):
    """What running a rule opened."""

    pipelines: list[int] = Field(description="one for each branch of the rule")


@operation("GET", "/schedules", right=Right.READ, finds_place=True, query=ScheduleFilter, answer=Page[ScheduleRow])
async def list_schedules(deps: Deps, *, actor: Actor, query: ScheduleFilter) -> Page[ScheduleRow]:
    """List the rules of repositories that go by the clock."""
    async with deps.begin() as db:
        repository_id = await repository(db, query.repository) if query.repository else None
        found = await schedules.list_(db, repository_id=repository_id, after=query.cursor, limit=query.limit + 1)
    return page([ScheduleRow(**each) for each in found], limit=query.limit)


@operation("GET", "/schedules/{schedule_id}", right=Right.READ, answer=ScheduleRow)
async def show_schedule(deps: Deps, *, actor: Actor, schedule_id: int) -> ScheduleRow:
    """Read one schedule."""
    return ScheduleRow(**await deciding.get(deps, schedule_id))


@operation("POST", "/schedules/{schedule_id}/run", right=Right.DISPATCH, answer=Ran)
async def run_schedule(deps: Deps, *, actor: Actor, schedule_id: int) -> Ran:
    """Run the rule now, at the newest commits of its branches; its next time stays. Twice in one minute is once.

    409 if the rule is gone or cannot be used.
    """
    return Ran(pipelines=await deciding.run_now(deps, schedule_id, actor=actor.name))


@operation("POST", "/schedules/{schedule_id}/pause", right=Right.CONFIGURE, answer=ScheduleRow)
async def pause_schedule(deps: Deps, *, actor: Actor, schedule_id: int) -> ScheduleRow:
    """Let a schedule rest until somebody resumes it."""
    await deciding.pause(deps, schedule_id, actor=actor.name)
    return await show_schedule(deps, actor=actor, schedule_id=schedule_id)


@operation("POST", "/schedules/{schedule_id}/resume", right=Right.CONFIGURE, answer=ScheduleRow)
async def resume_schedule(deps: Deps, *, actor: Actor, schedule_id: int) -> ScheduleRow:
    """Let a schedule go on at its next time; what it slept through is passed over."""
    await deciding.resume(deps, schedule_id, actor=actor.name)
    return await show_schedule(deps, actor=actor, schedule_id=schedule_id)
