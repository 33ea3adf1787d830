"""Rules that go by the clock: when each comes next, what it opened last, and buttons for now and not."""

from dataclasses import dataclass

from quart import Response

from app.db.queries import repositories
from app.errors import NotFound
from app.handlers import schedule_control as deciding
from app.rights import Right
from app.web import admission
from app.web.pages.answer import ID, PAGE, answer, button, deps, go_to, number, page, text
from app.web.pages.schedule_rows import Planned, planned

ACTIONS = {
    "run": (deciding.run_now, Right.DISPATCH, "opened"),
    "pause": (deciding.pause, Right.CONFIGURE, "resting"),
    "resume": (deciding.resume, Right.CONFIGURE, "goes on"),
}


@dataclass(frozen=True, kw_only=True)
class SchedulesView:
    """`/schedules`."""

    repository: str | None  # only of this one
    items: list[Planned]
    next: int | None
    first: bool


@page("/schedules")
async def schedules() -> Response:
    """List the rules that go by the clock, of all repositories or of one."""
    actor = await admission.insist(Right.READ, anywhere=True)
    name, after = text("repository"), number("after")
    async with deps().begin() as db:
        row = await repositories.by_name(db, name) if name else None
    of = (row["id"] if row else 0) if name else None
    found = await planned(deps(), of, after=after or 0, limit=PAGE + 1)
    following = found[PAGE - 1].of.id if len(found) > PAGE else None
    view = SchedulesView(repository=name, items=found[:PAGE], next=following, first=after is None)
    return await answer("schedules.html", view, visitor=actor)


@button(f"/schedules/<{ID}:schedule_id>/<action>", schedules)
async def change(schedule_id: int, action: str) -> Response:
    """Run a schedule now, let it rest or go on.

    Raises:
        NotFound: there is no such button.
    """
    if action not in ACTIONS:
        raise NotFound(f"There is no button {action}.")
    act, right, done = ACTIONS[action]
    actor, _ = await admission.pressed(right, schedule_id=schedule_id)
    await act(deps(), schedule_id, actor=actor.name)
    return go_to("/schedules", done)
