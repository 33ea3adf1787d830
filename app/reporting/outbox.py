"""What the senders of statuses and of comments share: take what is due, wait after failures, give up at last."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import outbox
from app.db.queries.outbox import Claimed
from app.deps import Deps
from integrations.forge import Permanent, Transient

AT_ONCE = 10  # calls to forges at the same time
SEND_S = outbox.CLAIM_S - 3  # seconds for one: given up before the claim ends
REFUSALS = 3  # in a row before giving up: for a moment after a push GitHub may not know the commit yet
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 300.0  # between two tries, doubling

Row = TypeVar("Row", bound=Claimed)
log = structlog.get_logger()


async def drain(
    deps: Deps,
    claim: Callable[[AsyncConnection, int], Awaitable[Sequence[Row]]],
    converge: Callable[[Deps, Row], Awaitable[None]],
) -> int:
    """Bring everything that is due to the forges; return how much was looked at. Several senders share the work."""
    looked_at = 0
    while True:
        async with deps.autocommit() as db:
            claimed = await claim(db, AT_ONCE)
        await asyncio.gather(*(_guarded(deps, each, converge) for each in claimed))
        looked_at += len(claimed)
        if len(claimed) < AT_ONCE:
            return looked_at


async def _guarded(deps: Deps, claimed: Row, converge: Callable[[Deps, Row], Awaitable[None]]) -> None:
    """Keep one row's fault from holding up the others."""
    try:
        await converge(deps, claimed)
    except Exception:
        log.exception("sending_failed", outbox=claimed.table.name, row=claimed.id, pipeline=claimed.pipeline_id)
        await postpone(deps, claimed, Transient("an error of ours; the log has it"))


async def postpone(deps: Deps, claimed: Claimed, problem: Exception) -> None:
    """Wait as long as the forge said, which holds for all of the same installation, or longer each time."""
    asked = getattr(problem, "retry_after", None)
    wait_s = asked if asked is not None else backoff(claimed.tries)
    what = {"outbox": claimed.table.name, "row": claimed.id, "wait_s": round(wait_s, 1)}
    log.warning("sending_postponed", **what, error=str(problem)[:200])
    async with deps.begin() as db:
        await outbox.postpone(db, claimed, wait_s, str(problem) or type(problem).__name__)
    if asked is not None:
        async with deps.begin() as db:
            await outbox.hold(db, claimed, asked)


async def is_final(deps: Deps, claimed: Claimed, problem: Permanent) -> bool:
    """Tell whether a refusal is one too many; else it is tried again a moment later."""
    if claimed.refusals + 1 >= REFUSALS:
        return True
    log.warning("sending_refused", outbox=claimed.table.name, row=claimed.id, error=str(problem)[:200])
    async with deps.begin() as db:
        await outbox.refuse(db, claimed, backoff(claimed.refusals), str(problem))
    return False


def backoff(tries: int) -> float:
    """Give the seconds before the next try: doubling, bounded, and spread so that many do not come at once."""
    wait_s: float = min(FIRST_WAIT_S * 2 ** min(tries, 20), LONGEST_WAIT_S)
    return wait_s * random.uniform(0.7, 1.3)  # noqa: S311
