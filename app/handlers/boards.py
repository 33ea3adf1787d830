"""What people say of boards, from a command, the API or a page alike: each takes the board's id."""

from typing import Any

import sqlalchemy as sa

from app.db.models import Health
from app.db.queries import health
from app.deps import Deps
from app.dispatch.health import check

__all__ = ["check", "find", "hold", "release", "set_health"]


async def find(deps: Deps, name: str, builder: str | None = None) -> int:
    """Find a board that is offered, by its name and perhaps its builder's.

    Raises:
        NotFound: no builder offers one.
        Conflict: several do, and none was named.
    """
    async with deps.begin() as db:
        return await health.named(db, name, builder)


async def set_health(deps: Deps, board_id: int, wanted: Health, *, reason: str, actor: str) -> None:
    """Say how well a board is; its troubles so far are forgotten. A job that runs on it ends normally."""
    async with deps.begin() as db:
        row = await health.lock(db, board_id)
        await health.set_(db, row, wanted, streak=0, reason=reason, actor=actor)
    await _tell(deps, row)


async def hold(deps: Deps, board_id: int, seconds: float, *, on_failure: bool, reason: str, actor: str) -> None:
    """Keep a board for a person, now or after the next job on it that goes wrong."""
    async with deps.begin() as db:
        row = await health.lock(db, board_id)
        if on_failure:
            await health.hold_on_failure(db, row, seconds, actor=actor)
        else:
            await health.hold(db, row, seconds, actor=actor, reason=reason)
    await _tell(deps, row)


async def release(deps: Deps, board_id: int, *, actor: str) -> None:
    """Give a held board back, also one that was only to be held."""
    async with deps.begin() as db:
        row = await health.lock(db, board_id)
        await health.release(db, row, actor=actor)
    await _tell(deps, row)


async def _tell(deps: Deps, row: sa.Row[Any]) -> None:
    """Let pages and waiting builders look again."""
    await deps.notices.publish("builder", id=row.builder_id)
    await deps.notices.publish("queue")
