"""The alerts of a repository: where its histories moved. The list, and one alert with what people say of it.

In code these are shifts; `alerts.py` shows what the service itself cannot put right.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from quart import Response

from app.db.models import Triage
from app.db.queries import bisections, mutes, repositories, shifts
from app.db.queries.mutes import MuteView
from app.db.queries.shifting import OPEN
from app.db.queries.shifts import ChangePointView, OpenCount, ShiftView, Wanted
from app.handlers import backfill
from app.handlers import bisection as searching
from app.handlers import shifts as deciding
from app.handlers.shifts import Word
from app.rights import Right
from app.web import admission
from app.web.api.bisections import BisectionTold
from app.web.api.bisections import told as bisection_told
from app.web.api.operations import read_form
from app.web.api.shifts import Triaged
from app.web.api.shifts import found as found_shift
from app.web.pages.answer import ID, PAGE, answer, button, deps, found, go_to, number, page, text
from app.web.pages.filters import commit_address
from app.web.pages.repositories import FORGES

MOST_SEARCHES = 5  # that the page of an alert shows
BACKFILLED = 4  # commits that the button measures
EVERY = "every"  # as a state: all of them
SAYABLE = tuple(each for each in Triage if each is not Triage.RECOVERED)


@dataclass(frozen=True, kw_only=True)
class ShiftsPage:
    """`/{forge}/{owner…}/{name}/alerts`."""

    forge: str
    full_name: str
    filters: dict[str, str]
    counts: OpenCount
    items: list[ShiftView]
    mutes: list[MuteView]
    next: int | None  # `before` of the next page
    first: bool


@dataclass(frozen=True, kw_only=True)
class ShiftPage:
    """`/{forge}/{owner…}/{name}/alerts/{id}`."""

    forge: str
    full_name: str
    after_address: str | None
    until_address: str | None
    shift: ShiftView
    bisections: list[BisectionTold]  # searches for its cause, the newest first
    change_points: list[ChangePointView]
    after: int  # rows that are skipped
    next: int | None


@page(f"/<{FORGES}:forge>/<path:full_name>/alerts")
async def shift_list(forge: str, full_name: str) -> Response:
    """List the alerts of a repository, the newest first: those that wait for somebody, unless asked otherwise."""
    given, before = _filters(), number("before")
    async with deps().begin() as db:
        row = found(await repositories.by_name(db, full_name, forge=forge), f"repository {forge}/{full_name} here")
        rows = await shifts.list_(db, _wanted(row["id"], given), before=before, limit=PAGE + 1)
        counts = (await shifts.open_counts(db, [row["id"]])).get(row["id"], OpenCount())
        muted = await mutes.list_(db, repository_id=row["id"])
    view = ShiftsPage(
        forge=row["forge"],
        full_name=row["full_name"],
        filters=given,
        counts=counts,
        items=rows[:PAGE],
        mutes=muted,
        next=rows[PAGE - 1].id if len(rows) > PAGE else None,
        first=before is None,
    )
    return await answer("shifts.html", view, states=list(Triage))


@page(f"/<{FORGES}:forge>/<path:full_name>/alerts/<{ID}:shift_id>")
async def shift(forge: str, full_name: str, shift_id: int) -> Response:
    """Show one alert."""
    after = number("after", largest=1_000_000) or 0
    async with deps().begin() as db:
        row = found(await repositories.by_name(db, full_name, forge=forge), f"repository {forge}/{full_name} here")
        about = await found_shift(db, shift_id)
        found(about.repository_id == row["id"] or None, f"alert {shift_id} of this repository")
        rows = await shifts.change_points(db, shift_id, after=after, limit=PAGE + 1)
        searches = await bisections.list_(db, shift_id=shift_id, limit=MOST_SEARCHES)
        told = [bisection_told(each, await bisections.steps(db, each["id"])) for each in searches]
    view = ShiftPage(
        forge=row["forge"],
        full_name=row["full_name"],
        after_address=commit_address(row["forge"], row["clone_url"], about.after),
        until_address=commit_address(row["forge"], row["clone_url"], about.until),
        shift=about,
        bisections=told,
        change_points=rows[:PAGE],
        after=after,
        next=after + PAGE if len(rows) > PAGE else None,
    )
    return await answer("shift.html", view, visitor=await admission.visitor(), sayable=SAYABLE)


@button(f"/<{FORGES}:forge>/<path:full_name>/alerts/<{ID}:shift_id>/say", shift)
async def say(forge: str, full_name: str, shift_id: int) -> Response:
    """Write down what a member says of an alert."""
    actor, form = await admission.pressed(Right.TRIAGE, shift_id=shift_id)
    said: Triaged = read_form(Triaged, form)
    # An emptied field is a word too.
    words: dict[str, Any] = {name: "" for name in ("reason", "link", "assignee") if name in form}
    word = Word(**(words | said.model_dump(exclude_none=True)))
    await deciding.say(deps(), shift_id, word, actor=actor.name)
    return go_to(f"/{forge}/{quote(full_name)}/alerts/{shift_id}", "judged")


def _filters() -> dict[str, str]:
    given = {name: value for name in ("state", "benchmark", "board_type", "branch") if (value := text(name))}
    if given.get("state") not in (None, EVERY, *Triage):
        del given["state"]
    for name in ("worse", "overdue", "muted"):
        if text(name) == "yes":
            given[name] = "yes"
    return given


def _wanted(repository_id: int, given: dict[str, str]) -> Wanted:
    state = given.get("state")
    states: Any = OPEN if state is None else None if state == EVERY else {Triage(state)}
    return Wanted(
        repository_id=repository_id,
        states=states,
        is_worse=True if "worse" in given else None,
        is_overdue=True if "overdue" in given else None,
        is_muted="muted" in given if state is None else None,
        **{name: given.get(name) for name in ("benchmark", "board_type", "branch")},
    )


@button(f"/<{FORGES}:forge>/<path:full_name>/alerts/<{ID}:shift_id>/bisect", shift)
async def bisect(forge: str, full_name: str, shift_id: int) -> Response:
    """Search for the commit that caused an alert."""
    actor, _ = await admission.pressed(Right.DISPATCH, shift_id=shift_id)
    question = await searching.of_shift(deps(), shift_id, commits=None, board=None, budget_s=searching.BUDGET_S)
    await searching.begin(deps(), question, actor=actor.name)
    return go_to(f"/{forge}/{quote(full_name)}/alerts/{shift_id}", "searched")


@button(f"/<{FORGES}:forge>/<path:full_name>/alerts/<{ID}:shift_id>/backfill", shift)
async def fill(forge: str, full_name: str, shift_id: int) -> Response:
    """Measure untested commits of an alert's range."""
    actor, _ = await admission.pressed(Right.DISPATCH, shift_id=shift_id)
    await backfill.fill(deps(), shift_id, most=BACKFILLED, actor=actor.name)
    return go_to(f"/{forge}/{quote(full_name)}/alerts/{shift_id}", "backfilled")
