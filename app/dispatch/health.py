"""Boards that look after themselves: what the end of a job says of its board, and when a board is looked at."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import Health, Priority, Trigger
from app.db.queries import health, jobs, pipelines, repositories
from app.db.queries.boards import Target
from app.db.queries.tallies import Tally
from app.deps import Deps
from app.dispatch import counters, queue
from app.errors import Conflict
from app.states import JobState
from builders.protocol import CHECK, FURTHER, Kind

ENOUGH = 2  # troubles in a row that take a board out
AT_ONCE = 50  # boards that one round asks to be looked at
BADLY = (JobState.FAILED, JobState.ERRORED, JobState.TIMED_OUT)
# The ends of which nobody knows what they mean for the board: its builder went away in the middle, or another board of
# the same job was in trouble.
DOUBTS = ("infra:lost", "infra:agent", "infra:process", FURTHER)


class Sign(StrEnum):
    """What the end of a job says of its board."""

    WELL = "well"
    ILL = "ill"
    DOUBT = "doubt"
    NOTHING = "nothing"


def sign(outcome: JobState, reason: str, *, is_check: bool, ran: bool) -> Sign:
    """Read an end: a check speaks of the board alone, any other job only by what it did on it.

    Args:
        ran: something ran on the board.
    """
    if reason.startswith(DOUBTS):
        return Sign.DOUBT
    if is_check:
        if outcome in (JobState.CANCELLED, JobState.SKIPPED):
            return Sign.DOUBT
        return Sign.WELL if outcome is JobState.PASSED else Sign.ILL
    if reason.startswith("infra:board"):
        return Sign.ILL
    return Sign.WELL if ran and outcome in (JobState.PASSED, JobState.FAILED) else Sign.NOTHING


def judged(old: Health, streak: int, found: Sign, *, is_check: bool, has_check: bool) -> tuple[Health, int]:
    """Say how well a board is after a sign, and how many troubles it has had in a row.

    What a person decided, or has to decide, no sign changes.
    """
    if found is Sign.NOTHING or old in (Health.QUARANTINED, Health.MAINTENANCE):
        return old, streak
    if found is Sign.DOUBT:
        return (old if old is Health.BAD else Health.UNKNOWN), streak
    if found is Sign.WELL:
        proves = is_check or not has_check
        return (Health.GOOD, 0) if proves else (old, streak)
    if streak + 1 >= ENOUGH:
        return Health.QUARANTINED, streak + 1
    return (Health.BAD if is_check else Health.UNKNOWN), streak + 1


async def after(
    db: AsyncConnection, board_id: int, found: Sign, *, outcome: JobState, reason: str, is_check: bool
) -> None:
    """Take note of what the end of an attempt says of its board, in the transaction that ends it."""
    if found is Sign.NOTHING and outcome not in BADLY:
        return
    row = await health.lock(db, board_id)
    new, streak = judged(
        Health(row.health), row.fail_streak, found, is_check=is_check, has_check=row.check_every_s is not None
    )
    if new is Health.QUARANTINED and row.health != new:
        counters.count(Tally.BOARDS_OUT, row.builder)
    if (new, streak) != (row.health, row.fail_streak):
        await health.set_(db, row, new, streak=streak, reason=_reason(new, outcome, reason, is_check=is_check))
    if is_check:
        await health.note_check(db, board_id)
    elif row.hold_on_failure_s is not None and outcome in BADLY:
        await health.hold(db, row, row.hold_on_failure_s, actor=row.held_by, reason=f"a job ended as {outcome}")


def _reason(new: Health, outcome: JobState, reason: str, *, is_check: bool) -> str:
    if new is Health.GOOD:
        return ""
    first = (reason or str(outcome)).splitlines()[0]
    what = f"its check: {first}" if is_check else first
    return f"trouble {ENOUGH} times in a row; the last: {what}" if new is Health.QUARANTINED else what


async def doubt(db: AsyncConnection, board_id: int, reason: str) -> None:
    """Forget what was known of a board whose builder was lost in the middle of a job."""
    row = await health.lock(db, board_id)
    new, streak = judged(Health(row.health), row.fail_streak, Sign.DOUBT, is_check=False, has_check=False)
    if new != row.health:
        await health.set_(db, row, new, streak=streak, reason=reason)


async def doubt_all(db: AsyncConnection, boards: Sequence[int], reason: str) -> None:
    """Forget what was known of several boards, given in the order in which they are locked."""
    for board_id in boards:
        await doubt(db, board_id, reason)


async def quarantine(db: AsyncConnection, board_id: int, reason: str) -> None:
    """Take a board out until a person says that it is good."""
    row = await health.lock(db, board_id)
    if row.health != Health.QUARANTINED:
        counters.count(Tally.BOARDS_OUT, row.builder)
        await health.set_(db, row, Health.QUARANTINED, streak=row.fail_streak, reason=reason)


async def look_after(deps: Deps) -> int:
    """Ask for a check of every board that is due for one; return how many were."""
    async with deps.begin() as db:
        due = await health.due(db, AT_ONCE)
    for board_id in due:
        async with deps.begin() as db:
            row = await health.lock(db, board_id)
            opened = None if await health.open_check(db, board_id) else await _open(db, row, "service")
        await _tell(deps, opened)
    return len(due)


async def check(deps: Deps, board_id: int, *, actor: str) -> int:
    """Ask for a check of a board now, whatever its health; return the job's id, also of one that was asked for before.

    Raises:
        Conflict: a job runs on it, its builder has no check for it, or a person keeps it.
    """
    async with deps.begin() as db:
        row = await health.lock(db, board_id)
        known = await health.open_check(db, board_id)
        if known is not None:
            return known
        _refuse(row, await health.running(db, board_id), is_held=await health.is_held(db, board_id))
        opened = await _open(db, row, actor)
    await _tell(deps, opened)
    return opened[0]


def _refuse(row: sa.Row[Any], busy: int | None, *, is_held: bool) -> None:
    if busy is not None:
        raise Conflict(f"Board {row.name} runs job {busy}. Ask again when that has ended, or cancel it.")
    if row.check_every_s is None:
        raise Conflict(
            f"Builder {row.builder} has no check for board {row.name}: write [boards.health] with check = … into its "
            "builder.toml and restart it."
        )
    if is_held:
        raise Conflict(f"Board {row.name} is held by {row.held_by}; `rigline board release {row.name}` gives it back.")


async def _tell(deps: Deps, opened: tuple[int, int] | None) -> None:
    if opened is not None:
        await queue.offer(deps, [opened[0]])
        await deps.notices.publish("pipeline", pipeline=opened[1])


async def _open(db: AsyncConnection, row: sa.Row[Any], actor: str) -> tuple[int, int]:
    """Open the pipeline of a locked board's check, which has no code and no commit: its job's id and its own."""
    pipeline_id = await pipelines.insert_new(
        db,
        repository_id=await repositories.of_boards(db),
        commit="",
        kind=Kind.HEALTH,
        trigger=Trigger.HEALTH,
        title=f"Check of board {row.name} of builder {row.builder}"[:500],
        trust="the builder's own check: no code of a repository",
        requested_by=actor[:200],
        from_fork=False,
    )
    assert pipeline_id is not None  # it has no key that another one could have
    job_id = await jobs.add(
        db,
        pipeline_id,
        Target(board_type=row.type, configuration=CHECK),
        state=JobState.QUEUED,
        priority=Priority.RELEASE,
        board=row.name,
        board_id=row.id,
    )
    assert job_id is not None  # the board is locked, and has no open check
    return job_id, pipeline_id
