"""What becomes of the jobs and boards of a builder whose token was revoked: nothing of them is trusted any more."""

from app.db.queries import attempts, health, jobs
from app.deps import Deps
from app.dispatch import finish
from app.dispatch.finish import Ended, next_state
from app.dispatch.health import quarantine
from app.states import JobState
from builders.protocol import LEASE_S, REUSE_S

REASON = "infra:revoked: the token of the builder was revoked"


async def end_all(deps: Deps, builder_id: int, name: str) -> None:
    """End the attempts of a builder, and lock its boards until somebody has looked."""
    async with deps.begin() as db:
        found = await attempts.open_of(db, builder_id)
        for board_id in await health.of_builder(db, builder_id):
            await quarantine(db, board_id, f"the token of builder {name} was revoked: somebody has to look")
            await health.keep_back(db, board_id, LEASE_S + REUSE_S)
    for attempt_id in found:
        ended = await _end(deps, attempt_id)
        if ended is not None:
            await finish.tell(deps, name, ended)
            await deps.notices.publish("cancel", job=ended.job_id)  # the builder's held wait hears that it is over


async def _end(deps: Deps, attempt_id: int) -> Ended | None:
    async with deps.begin() as db:
        row = await attempts.lock(db, attempt_id)
        if row is None or await attempts.end(db, attempt_id, JobState.ERRORED, REASON) is None:
            return None
        job = await jobs.lock(db, row.job_id)
        state, also = next_state(job, JobState.ERRORED, REASON)
        await jobs.move(db, row.job_id, state, reason=REASON, **also)
    return Ended(attempt_id=attempt_id, job_id=row.job_id, pipeline_id=job.pipeline_id, state=state, reason=REASON)
