"""Remove old logs and artefacts, in portions: each is a short transaction, and any number of workers may do it."""

import structlog

from app.db.queries import kept
from app.deps import Deps

AT_ONCE = 20  # attempts whose logs or artefacts one transaction removes
PORTIONS = 50  # of one round

log = structlog.get_logger()


async def remove_old(deps: Deps) -> None:
    """Remove what the settings keep no longer. 0 days: it is kept for ever."""
    settings = deps.settings
    for what, remove, days in (
        ("logs", kept.remove_logs, settings.keep_logs_days),
        ("artefacts", kept.remove_artefacts, settings.keep_artefacts_days),
    ):
        removed = 0
        for _ in range(PORTIONS if days else 0):
            async with deps.begin() as db:
                found = await remove(db, days=days, at_once=AT_ONCE)
            removed += found
            if found < AT_ONCE:
                break
        if removed:
            log.info("removed_old", what=what, attempts=removed, days=days)
