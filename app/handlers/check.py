"""Somebody pressed the re-run button of a check of ours."""

import re

from app.db.queries import jobs, pipelines
from app.deps import Deps
from app.dispatch import queue
from app.handlers.occasion import Occasion
from app.handlers.trust import may_write
from integrations.events import CheckRerequested

_ID = re.compile(r"(job|pipeline):([0-9]{1,9})", re.ASCII)


async def on_rerequested(event: CheckRerequested, occasion: Occasion, deps: Deps) -> str:
    """Try the job of the check anew, or all ended ones of its pipeline or commit. Who asks must be able to write.

    What nobody trusted yet awaits approval again: a re-run is none.
    """
    if not await may_write(event.sender, occasion):
        return f"not tried again: {event.sender.name} may not write"
    async with deps.begin() as db:
        asked = await pipelines.ended_jobs(db, occasion.repository_id, event.commit, **_named(event.external_id))
        new = [await jobs.retry(db, job_id, actor=event.sender.name) for job_id in asked]
    if new:
        await queue.offer(deps, new)
    return f"tried again as jobs {', '.join(map(str, new))}" if new else "nothing to try again: none of ours has ended"


def _named(external_id: str | None) -> dict[str, int]:
    """Read what we gave GitHub as the check's id. Another one names no job at all."""
    if external_id is None:
        return {}
    found = _ID.fullmatch(external_id)
    return {found[1]: int(found[2])} if found else {"job": 0}
