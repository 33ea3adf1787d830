"""What a person does with a schedule: run its rule now, let it rest, let it go on."""

from typing import Any

import sqlalchemy as sa

from app.db.queries import audit, schedules
from app.db.queries.schedules import Due
from app.deps import Deps
from app.errors import Conflict, NotFound, Unavailable
from app.handlers import schedule
from app.policy.section import PolicyError
from integrations.forge import ForgeError


async def get(deps: Deps, schedule_id: int) -> sa.RowMapping:
    """Read one schedule.

    Raises:
        NotFound.
    """
    async with deps.begin() as db:
        found = await schedules.list_(db, only=schedule_id, limit=1)
    if not found:
        raise NotFound(f"There is no schedule {schedule_id}; its rule may have changed. `rigline schedule list`.")
    return found[0]


async def run_now(deps: Deps, schedule_id: int, *, actor: str) -> list[int]:
    """Open the pipelines of a schedule by the rules of today; its next time stays. Twice in one minute is once.

    Returns:
        The pipelines, one for each branch of the rule.
    Raises:
        NotFound, Conflict, Unavailable: the rule is gone or cannot be used; the forge does not answer.
    """
    row = await get(deps, schedule_id)
    async with deps.begin() as db:
        now = await schedules.clock(db)
    names = ("id", "repository_id", "rule", "cron", "zone")
    due = Due(**{name: row[name] for name in names}, next_at=now, late_s=0.0)
    try:
        opened = await schedule.run_for(deps, due)
    except PolicyError as problem:
        raise Conflict(f"The rules cannot be used: {problem}") from None
    except ForgeError as problem:
        raise Unavailable(f"{row['forge']} does not answer: {problem}") from None
    if opened is None:
        raise Conflict(f"The rules of {row['repository']} have no rule {row['rule']} any more.")
    async with deps.begin() as db:
        for pipeline_id in opened:
            await audit.record(
                db, "schedule.run", actor=actor, pipeline_id=pipeline_id, detail=f"{row['repository']}: {row['rule']}"
            )
    return opened


async def pause(deps: Deps, schedule_id: int, *, actor: str) -> None:
    """Let a schedule rest until somebody resumes it.

    Raises:
        NotFound.
    """
    row = await get(deps, schedule_id)
    async with deps.begin() as db:
        await schedules.rest(db, schedule_id, by=actor)
        await audit.record(db, "schedule.paused", actor=actor, detail=_named(row))


async def resume(deps: Deps, schedule_id: int, *, actor: str) -> None:
    """Let a schedule go on at its next time; what it slept through is passed over.

    Raises:
        NotFound.
    """
    row = await get(deps, schedule_id)
    async with deps.begin() as db:
        next_at = schedule.next_time(row["cron"], row["zone"], await schedules.clock(db))
        if next_at is not None:
            await schedules.wake(db, schedule_id, next_at)
        await audit.record(db, "schedule.resumed", actor=actor, detail=_named(row))


def _named(row: Any) -> str:
    return f"{row['repository']}: {row['rule']}"
