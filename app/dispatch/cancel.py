"""Cancel jobs: at once if nobody holds them, politely and then by force if a builder does."""

from collections.abc import Iterable

from app.db.queries import jobs
from app.db.queries.attempts import FORCE_S
from app.deps import Deps
from app.dispatch import queue
from app.states import HELD, JobState
from builders.protocol import Cancel


async def cancel_jobs(deps: Deps, job_ids: Iterable[int], actor: str, reason: str) -> dict[int, JobState]:
    """Cancel some jobs; return the state of each after it.

    One that nobody holds is cancelled; one that is leased or running gets its builder asked to stop;
    one that has ended stays as it ended.

    Raises:
        NotFound: one of them does not exist; then nothing was done.
    """
    states: dict[int, JobState] = {}
    async with deps.begin() as db:
        for job_id in sorted(set(job_ids)):  # always in one order: two of these never wait for each other
            states[job_id] = await jobs.request_cancel(db, job_id, actor=actor, reason=reason)
        ended = await jobs.places(db, [each for each, state in states.items() if state is JobState.CANCELLED])
    await queue.drop(deps, ended)
    for job_id, state in states.items():
        if state in HELD:
            await deps.notices.publish("cancel", job=job_id)
    for row in ended:
        await deps.notices.publish("job", pipeline=row.pipeline_id, job=row.id, state=JobState.CANCELLED)
    return states


def wish(cancelled_s: float | None) -> Cancel:
    """Say what a builder should do, by the seconds since its job's cancel was asked for."""
    if cancelled_s is None:
        return Cancel.NONE
    return Cancel.POLITE if cancelled_s < FORCE_S else Cancel.FORCE
