"""Bisections: find the commit that shifted a level, by running commits by turns with the last good one."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from app.db.models import Search
from app.db.queries import bisections
from app.deps import Deps
from app.errors import Invalid, NotFound
from app.handlers import backfill, commit_range
from app.handlers import bisection as searching
from app.handlers.bisection import BUDGET_S, MOST_COMMITS, Question
from app.history.bisection import Tried
from app.rights import Right
from app.web import auth
from app.web.api.dispatching import repository_of
from app.web.api.operations import INT4, Given, Told, operation
from app.web.api.paging import Page, Paged, page
from app.web.api.shifts import repository_named
from app.web.api.words import Address, Commit, FullName, Line, Word
from app.web.auth import Actor
from builders.protocol import MAX_JOB_S

Budget = Annotated[
    float, Field(gt=0, le=MAX_JOB_S, allow_inf_nan=False, description="seconds for the pairs of one comparison")
]
Commits = Annotated[
    list[Commit] | None,
    Field(
        max_length=MOST_COMMITS,
        description="after `good`, the oldest first, up to `bad`; left out: the forge is asked",
    ),
]


class NewBisection(Given):
    """What to search: an alert says all of it, else it is said here."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"shift": 1}]})
    shift: int | None = Field(default=None, ge=1, le=INT4, description="of this alert, by its largest change point")
    repository: FullName | None = Field(default=None, description="full name; or remote_url")
    remote_url: Address | None = Field(
        default=None, description="of a repository that was dispatched from; with commits"
    )
    good: Commit | None = Field(default=None, description="has the old level")
    bad: Commit | None = Field(default=None, description="has the new one")
    commits: Commits = None
    benchmark: Line | None = None
    metric: Line | None = None
    board_type: Word | None = None
    configuration: Word | None = None
    board: Word | None = Field(default=None, description="only on this board of the type")
    budget_s: Budget = BUDGET_S

    @model_validator(mode="after")
    def _says_enough(self) -> "NewBisection":
        needed = ("good", "benchmark", "metric", "board_type", "configuration")
        missing = [name for name in needed if getattr(self, name) is None]
        if (self.repository is None) == (self.remote_url is None):
            missing.insert(0, "either repository or remote_url")
        if self.shift is None and (missing or (self.bad is None and not self.commits)):
            raise ValueError(f"without an alert name {', '.join(missing or ['bad'])} too")
        return self


class StepTold(Told):
    """One commit, run by turns with the good one. Changes are relative, as measured."""

    number: int
    commit: str
    pipeline_id: int | None
    tried: Tried | None = Field(description="old or new level, unknown: nothing could be told; null: it runs")
    change: float | None
    low: float | None = Field(description="interval of the change")
    high: float | None
    note: str
    begun_at: datetime
    ended_at: datetime | None


class BisectionTold(Told):
    """One search, and how far it is."""

    id: int
    repository: str
    shift_id: int | None
    benchmark: str
    metric: str
    board_type: str
    board: str | None
    configuration: str
    good: str
    bad: str
    commits: int = Field(description="after `good`, up to `bad`")
    state: Search
    culprit: str | None = Field(description="the commit that shifted the level")
    is_worse: bool | None
    note: str
    asked_by: str
    asked_at: datetime
    ended_at: datetime | None
    steps: list[StepTold]


class BisectionFilter(Paged):
    """Which searches; every condition must hold."""

    repository: Word | None = Field(default=None, description="full name")
    shift: int | None = Field(default=None, ge=1, le=INT4, description="of this alert")


class Wish(Given):
    """How much of a range is to be measured."""

    most: int = Field(default=4, ge=1, le=backfill.MOST, description="commits, at most")


class Backfilled(Told):
    """What was queued."""

    pipelines: list[int]


@operation(
    "POST",
    "/bisections",
    right=Right.DISPATCH,
    finds_place=True,
    body=NewBisection,
    answer=BisectionTold,
    status=HTTPStatus.CREATED,
)
async def begin_bisection(deps: Deps, *, actor: Actor, body: NewBisection) -> BisectionTold:
    """Search for the commit, about log2(commits) + 1 comparisons one after the other.

    422 if the ends do not lie on one line, 404 for an unknown repository or alert, 503 while the forge does not answer.
    """
    question = await _of_shift(deps, actor, body) if body.shift is not None else await _as_said(deps, actor, body)
    made = await searching.begin(deps, question, actor=actor.name)
    return await show_bisection(deps, bisection_id=made)


@operation("GET", "/bisections", query=BisectionFilter, answer=Page[BisectionTold])
async def list_bisections(deps: Deps, *, query: BisectionFilter) -> Page[BisectionTold]:
    """List searches, the newest first."""
    async with deps.begin() as db:
        repository_id = await repository_named(db, query.repository) if query.repository else None
        found = await bisections.list_(
            db, repository_id=repository_id, shift_id=query.shift, before=query.cursor or None, limit=query.limit + 1
        )
        items = [told(each, await bisections.steps(db, each["id"])) for each in found]
    return page(items, limit=query.limit)


@operation("GET", "/bisections/{bisection_id}", answer=BisectionTold)
async def show_bisection(deps: Deps, *, bisection_id: int) -> BisectionTold:
    """Read one search with its steps."""
    async with deps.begin() as db:
        found = await bisections.get(db, bisection_id)
        if found is None:
            raise NotFound(f"There is no bisection {bisection_id}.")
        return told(found, await bisections.steps(db, bisection_id))


@operation("POST", "/bisections/{bisection_id}/cancel", right=Right.CONTROL, answer=BisectionTold)
async def cancel_bisection(deps: Deps, *, actor: Actor, bisection_id: int) -> BisectionTold:
    """End a search, and cancel what runs for it. 409 if it has ended."""
    await show_bisection(deps, bisection_id=bisection_id)
    await searching.stop(deps, bisection_id, actor=actor.name)
    return await show_bisection(deps, bisection_id=bisection_id)


@operation("POST", "/shifts/{shift_id}/backfill", right=Right.DISPATCH, body=Wish, answer=Backfilled)
async def backfill_shift(deps: Deps, *, actor: Actor, shift_id: int, body: Wish) -> Backfilled:
    """Measure some of the untested commits of an alert's range. 409 if there are none."""
    return Backfilled(pipelines=await backfill.fill(deps, shift_id, most=body.most, actor=actor.name))


def told(row: Any, steps: list[Any]) -> BisectionTold:
    """Say a search to programs."""
    names = BisectionTold.model_fields.keys() - {"bad", "commits", "steps"}
    commits = row["commits"]
    return BisectionTold(
        **{name: row[name] for name in names},
        bad=commits[-1],
        commits=len(commits),
        steps=[StepTold(**{**each, "commit": commits[each["place"]]}) for each in steps],
    )


async def _as_said(deps: Deps, actor: Actor, body: NewBisection) -> Question:
    assert body.good is not None
    repository_id = await repository_of(deps, actor, body)
    commits = body.commits or await commit_range.between(deps, repository_id, body.good, body.bad or "")
    if body.bad is not None and commits[-1] != body.bad:
        raise Invalid("commits: the last one must be `bad`.")
    about: dict[str, Any] = {
        name: getattr(body, name) for name in ("benchmark", "metric", "board_type", "configuration")
    }
    return Question(
        repository_id=repository_id,
        good=body.good,
        commits=commits,
        board=body.board,
        budget_s=body.budget_s,
        **about,
    )


async def _of_shift(deps: Deps, actor: Actor, body: NewBisection) -> Question:
    await auth.check(actor, Right.DISPATCH, {"shift_id": body.shift})
    return await searching.of_shift(
        deps, body.shift or 0, commits=body.commits, board=body.board, budget_s=body.budget_s
    )
