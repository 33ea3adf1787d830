"""Remove what was kept long enough, in portions: each is a short transaction, and any number of workers may do it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import kept, kept_answers
from app.deps import Deps
from app.settings import Settings

AT_ONCE = 20  # rows whose logs, artefacts or files one transaction removes; of samples fewer
PORTIONS = 50  # of one round
ANSWERS = 1000  # that one transaction forgets

Begin = Callable[[], AbstractAsyncContextManager[AsyncConnection]]

log = structlog.get_logger()


async def remove_old(deps: Deps) -> None:
    """Remove what the settings keep no longer. 0 days: it is kept for ever."""
    await remove_some(deps.begin, deps.settings)


async def forget_answers(deps: Deps) -> int:
    """Forget the answers that were kept for requests with an Idempotency-Key; return how many."""
    forgotten = 0
    for _ in range(PORTIONS):
        async with deps.begin() as db:
            found = await kept_answers.forget_old(db, ANSWERS)
        forgotten += found
        if found < ANSWERS:
            break
    return forgotten


async def remove_some(begin: Begin, settings: Settings) -> bool:
    """Do one round; say whether there may be more to remove."""
    there_is_more = False
    for kind in kept.KINDS:
        days: int = getattr(settings, kind.setting)
        at_once = min(AT_ONCE, kind.most)
        removed = found = 0
        for _ in range(PORTIONS if days else 0):
            async with begin() as db:
                found = await kept.remove(db, kind, days=days, at_once=at_once)
            removed += found
            if found < at_once:
                break
        if removed:
            log.info("removed_old", what=kind.name, of=removed, days=days)
        there_is_more |= found == at_once
    return there_is_more


async def due(begin: Begin, settings: Settings) -> Mapping[str, tuple[int, int]]:
    """Say what a round would remove, without doing it: kind → (days it is kept, rows it would be of)."""
    found = {}
    async with begin() as db:
        for kind in kept.KINDS:
            days: int = getattr(settings, kind.setting)
            found[kind.name] = (days, await kept.count(db, kind, days=days) if days else 0)
    return found
