"""Tell those who wait for a board that it is away, and that it is back."""

import sqlalchemy as sa

from app.db.queries import absence, statuses
from app.deps import Deps

LOCK = 0x7269_6703  # advisory: one worker at a time looks


async def note(deps: Deps) -> int:
    """Look for jobs whose board is away, and let their statuses say so; return how many pipelines that changed."""
    async with deps.begin() as db:
        if not await db.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(LOCK))):
            return 0
        changed = await absence.note(db)
        for pipeline_id in changed:
            await statuses.touch(db, pipeline_id)
    for pipeline_id in changed:
        await deps.notices.publish("pipeline", pipeline=pipeline_id)
    return len(changed)
