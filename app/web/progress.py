"""How far a job is, for its page and for programs."""

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import expected
from app.history import durations
from app.history.durations import Progress
from app.states import ENDED


async def of_job(db: AsyncConnection, job_id: int) -> Progress | None:
    """Tell how far a job is; None if nothing is known: it never ran, and none like it did."""
    found = await expected.standing(db, job_id)
    if found is None:
        return None
    usual, jobs = durations.usual(found.alike), len(found.alike)
    if found.state in ENDED:
        taken = durations.summed(found.phases)
        return durations.of_ended(found.kind, taken, usual, jobs=jobs) if taken else None
    taken = durations.so_far(found.began, again=found.again)
    if not taken and not usual:
        return None
    current = list(taken)[-1] if taken else None
    return durations.of_running(found.kind, taken, current, usual, jobs=jobs)
