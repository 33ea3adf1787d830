"""Say again and again that this web process listens to builders, for as long as it can."""

import asyncio

import structlog

from app.db.queries import presence
from app.deps import Deps

log = structlog.get_logger()


async def show(deps: Deps) -> None:
    """Go on until cancelled; while the database is away the row grows old, which is what it is for."""
    while True:
        try:
            async with asyncio.timeout(presence.AWAY_S), deps.autocommit() as db:
                await presence.note(db)
        except Exception as problem:
            log.warning("presence_not_noted", error=str(problem)[:200])
        await asyncio.sleep(presence.NOTE_S)
