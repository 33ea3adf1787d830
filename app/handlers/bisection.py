"""Find the commit that shifted a level: commits of the range are run by turns with the last good one, one at a time.

What is written down decides, so that any worker goes on where another one stopped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import Priority, Search, Trigger
from app.db.queries import audit, bisections, shifts
from app.deps import Deps
from app.dispatch import cancel
from app.dispatch.plan import PipelineRequest, open_pipeline
from app.errors import Conflict, Invalid, NotFound
from app.handlers import commit_range
from app.history.bisection import Tried, narrow
from app.history.verdict import Verdict
from app.states import ENDED, JobState
from builders.protocol import Kind

BUDGET_S = 1800.0  # for the pairs of one step
MOST_COMMITS = 1000

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is to be found, and where."""

    repository_id: int
    good: str
    commits: Sequence[str]  # after `good`, in the order of history, up to the first that surely has the new level
    benchmark: str
    metric: str
    board_type: str
    configuration: str
    board: str | None = None
    shift_id: int | None = None
    budget_s: float = BUDGET_S


async def begin(deps: Deps, question: Question, *, actor: str) -> int:
    """Begin a search. It takes about log2(commits) + 1 comparisons, one after the other.

    Raises:
        Invalid: there is nothing to search, or too much.
    """
    if not question.commits:
        raise Invalid("There is no commit between the two ends.")
    if len(question.commits) > MOST_COMMITS:
        raise Invalid(f"There are {len(question.commits)} commits between the two ends; at most {MOST_COMMITS}.")
    if question.good in question.commits or len(set(question.commits)) < len(question.commits):
        raise Invalid("A commit is named twice.")
    async with deps.begin() as db:
        made = await bisections.add(db, **{**vars(question), "commits": list(question.commits)}, asked_by=actor)
        told = f"bisection {made}: {len(question.commits)} commits after {question.good}, {question.benchmark}"
        await audit.record(db, "bisection.begun", actor=actor, detail=told)
    return made


async def of_shift(
    deps: Deps, shift_id: int, *, commits: Sequence[str] | None, board: str | None, budget_s: float
) -> Question:
    """Ask for the cause of an alert, by the largest change point among its series.

    Raises:
        NotFound: there is no such alert, or nothing is left of it.
        Invalid, Unavailable: as `commit_range.between`.
    """
    async with deps.autocommit() as db:
        shift = await shifts.get(db, shift_id)
        points = await shifts.change_points(db, shift_id, limit=1)
    if shift is None or not points:
        raise NotFound(f"There is no alert {shift_id}, or later measurements spoke against it.")
    named = ("benchmark", "metric", "board_type", "configuration")
    return Question(
        repository_id=shift.repository_id,
        shift_id=shift_id,
        good=shift.after,
        commits=commits or await commit_range.between(deps, shift.repository_id, shift.after, shift.until),
        board=board,
        budget_s=budget_s,
        **{name: getattr(points[0], name) for name in named},
    )


async def stop(deps: Deps, bisection_id: int, *, actor: str) -> None:
    """End a search, and cancel what runs for it.

    Raises:
        Conflict: it has ended, or there is none.
    """
    async with deps.begin() as db:
        if await bisections.lock(db, bisection_id, wait=True) is None:
            raise Conflict(f"Bisection {bisection_id} does not run.")
        await bisections.end(db, bisection_id, Search.CANCELLED, note=f"cancelled by {actor}")
        await audit.record(db, "bisection.cancelled", actor=actor, detail=f"bisection {bisection_id}")
        open_jobs = await bisections.open_jobs(db, bisection_id)
    await cancel.cancel_jobs(deps, open_jobs, actor=actor, reason=f"bisection {bisection_id} was cancelled")


async def advance(deps: Deps) -> int:
    """Take each search as far as it goes now; return how many were looked at."""
    async with deps.autocommit() as db:
        found = await bisections.running(db)
    for bisection_id in found:
        try:
            await _advance(deps, bisection_id)
        except (OSError, sa.exc.SQLAlchemyError):
            raise
        except Exception:  # one search must not hold up the others
            log.exception("bisection_failed", bisection=bisection_id)
    return len(found)


async def _advance(deps: Deps, bisection_id: int) -> None:
    async with deps.begin() as db:
        search = await bisections.lock(db, bisection_id)
        if search is None:
            return
        steps = await bisections.steps(db, bisection_id)
        if steps and steps[-1]["tried"] is None and not await _end_step(db, search, steps[-1]):
            pending = steps[-1] if steps[-1]["pipeline_id"] is None else None
        else:
            pending = await _next_step(db, bisection_id)
    if pending is not None:
        await _open(deps, bisection_id, pending)


async def _next_step(db: AsyncConnection, bisection_id: int) -> Any:
    """Say what is to be tried next, or how the search ended; None if nothing is to be queued."""
    search = await bisections.lock(db, bisection_id, wait=True)
    if search is None:
        return None
    steps = await bisections.steps(db, bisection_id)
    if not steps:
        place = len(search["commits"]) - 1
    else:
        rest = narrow(len(search["commits"]), {each["place"]: each["tried"] for each in steps})
        if rest.next is None:
            await _end(db, search, rest.new, rest.between)
            return None
        place = rest.next
    await bisections.begin_step(db, bisection_id, len(steps), place)
    return (await bisections.steps(db, bisection_id))[-1]


async def _end(db: AsyncConnection, search: sa.RowMapping, new: int, between: Sequence[int]) -> None:
    commits = search["commits"]
    if between:
        several = ", ".join(commits[place][:10] for place in (*between, new))
        told = f"one of {several}: nothing could be told from those before the last"
        await bisections.end(db, search["id"], Search.NARROWED, note=told)
    else:
        await bisections.end(db, search["id"], Search.FOUND, note="", culprit=commits[new])


async def _open(deps: Deps, bisection_id: int, step: Any) -> None:
    """Queue a step's comparison. The key makes a second try after a crash find the same pipeline."""
    async with deps.autocommit() as db:
        search = await bisections.get(db, bisection_id)
    assert search is not None
    request = PipelineRequest(
        repository_id=search["repository_id"],
        commit=search["commits"][step["place"]],
        kind=Kind.RUN,
        trigger=Trigger.DISPATCH,
        dedupe_key=f"bisection:{bisection_id}:{step['number']}",
        trust=f"bisection {bisection_id}, asked for by {search['asked_by']}"[:200],
        requested_by=search["asked_by"],
        title=f"Bisection {bisection_id}, step {step['number'] + 1}",
        compare_with=search["good"],
        compare_why=f"the last good commit of bisection {bisection_id}",
        interleaved=True,
        budget_s=search["budget_s"],
        boards=[search["board"] or search["board_type"]],
        configurations=[search["configuration"]],
        priority=Priority.NIGHTLY,
    )
    try:
        planned = await open_pipeline(deps, request)
    except Invalid as problem:
        await _give_up(deps, bisection_id, str(problem))
        return
    async with deps.autocommit() as db:
        await bisections.set_pipeline(db, bisection_id, step["number"], planned.pipeline_id)


async def _give_up(deps: Deps, bisection_id: int, why: str) -> None:
    async with deps.begin() as db:
        await bisections.end(db, bisection_id, Search.FAILED, note=why)


async def _end_step(db: AsyncConnection, search: sa.RowMapping, step: sa.RowMapping) -> bool:
    """Take over what a step's comparison came to; False if it goes on, or the search has ended with it."""
    if step["pipeline_id"] is None:
        return False
    jobs = await bisections.jobs_of(db, step["pipeline_id"])
    if not jobs or jobs[0]["id"] is None:
        why = jobs[0]["error"] if jobs else "its pipeline was deleted"
        await bisections.end(db, search["id"], Search.FAILED, note=why or "nothing was planned")
        return False
    if any(each["state"] not in ENDED for each in jobs):
        return False
    job = jobs[0]
    if job["state"] is not JobState.PASSED:
        return await _end_unmeasured(db, search, step, job)
    rows = await bisections.rows(db, step["pipeline_id"], dict(search))
    if rows is None:
        return False  # judged in a moment
    return await _judge(db, search, step, rows)


async def _end_unmeasured(db: AsyncConnection, search: sa.RowMapping, step: sa.RowMapping, job: sa.RowMapping) -> bool:
    """A commit that cannot be built is passed over; what is no commit's fault ends the search."""
    told = f"job {job['id']} {job['state']}: {job['reason']}"[:500]
    if job["state"] in (JobState.FAILED, JobState.TIMED_OUT) and step["number"] > 0:
        await bisections.end_step(db, search["id"], step["number"], Tried.UNKNOWN, note=told)
        return True
    await bisections.end_step(db, search["id"], step["number"], Tried.UNKNOWN, note=told)
    await bisections.end(db, search["id"], Search.FAILED, note=told)
    return False


async def _judge(
    db: AsyncConnection, search: sa.RowMapping, step: sa.RowMapping, rows: Sequence[sa.RowMapping]
) -> bool:
    """Say which level a commit has; the first step says what is searched for at all."""
    changed = [row for row in rows if row["verdict"] in (Verdict.REGRESSED, Verdict.IMPROVED)]
    row = max(changed or rows, key=lambda each: abs(each["change"] or 0.0), default=None)
    numbers = {} if row is None else {name: row[name] for name in ("change", "low", "high")}
    if step["number"] == 0:
        return await _judge_ends(db, search, step, row, numbers)
    wanted = Verdict.REGRESSED if search["is_worse"] else Verdict.IMPROVED
    if any(each["verdict"] == wanted for each in rows):
        tried, note = Tried.NEW, ""
    elif changed or any(each["verdict"] == Verdict.UNCHANGED for each in rows):
        tried, note = Tried.OLD, ""
    else:
        tried, note = Tried.UNKNOWN, "not measured" if row is None else f"{row['verdict']}: {row['note']}".rstrip(": ")
    await bisections.end_step(db, search["id"], step["number"], tried, note=note, **numbers)
    return True


async def _judge_ends(
    db: AsyncConnection, search: sa.RowMapping, step: sa.RowMapping, row: sa.RowMapping | None, numbers: dict[str, Any]
) -> bool:
    if row is not None and row["verdict"] in (Verdict.REGRESSED, Verdict.IMPROVED):
        await bisections.direct(db, search["id"], is_worse=row["verdict"] == Verdict.REGRESSED)
        await bisections.end_step(db, search["id"], step["number"], Tried.NEW, **numbers)
        return True
    said = "the benchmark was not measured" if row is None else f"run by turns they are {row['verdict']}"
    await bisections.end_step(db, search["id"], step["number"], Tried.OLD, note=said, **numbers)
    await bisections.end(
        db, search["id"], Search.NOT_REPRODUCED, note=f"The two ends of the range do not differ: {said}."
    )
    return False
