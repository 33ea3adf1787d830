"""What people decide about jobs and pipelines that exist, from a command, the API or a page alike."""

from app.db.queries import audit, job_views, jobs, pipelines, removal
from app.deps import Deps
from app.dispatch import queue
from app.dispatch.cancel import cancel_jobs
from app.errors import Conflict, NotFound
from app.states import ENDED, JobState


async def cancel_job(deps: Deps, job_id: int, *, reason: str, actor: str) -> None:
    """Cancel a job; an ended one stays as it ended.

    Raises:
        NotFound: there is no such job.
    """
    await cancel_jobs(deps, [job_id], actor, reason or f"cancelled by {actor}")


async def retry_job(deps: Deps, job_id: int, *, actor: str) -> int:
    """Queue a new job in the place of an ended one; return its id.

    Raises:
        NotFound, Conflict, TokenErased: as `jobs.retry` says.
    """
    async with deps.begin() as db:
        new = await jobs.retry(db, job_id, actor=actor)
    await queue.offer(deps, [new])
    return new


async def delete_job(deps: Deps, job_id: int, *, actor: str) -> int:
    """Delete an ended job with its logs, results and measurements; return its pipeline.

    Raises:
        NotFound: there is no such job.
        Conflict: it has not ended, or is the only one of its pipeline.
    """
    async with deps.begin() as db:
        job = await jobs.get(db, job_id)
        if len(await job_views.of_pipeline(db, job.pipeline_id)) == 1:
            raise Conflict(f"Job {job_id} is the only one of pipeline {job.pipeline_id}; delete the pipeline.")
        if not await removal.remove_job(db, job_id):
            raise Conflict(f"Job {job_id} has not ended. Cancel it, and delete it then.")
        await audit.record(db, "job.deleted", actor=actor, job_id=job_id, pipeline_id=job.pipeline_id)
    return int(job.pipeline_id)


async def cancel_pipeline(deps: Deps, pipeline_id: int, *, reason: str, actor: str) -> None:
    """Cancel all jobs of a pipeline that have not ended; repeating it changes nothing.

    Raises:
        NotFound: there is no such pipeline.
    """
    await _insist(deps, pipeline_id)
    async with deps.begin() as db:
        still_open = await jobs.open_of_pipeline(db, pipeline_id)
    if still_open:
        await cancel_jobs(deps, still_open, actor, reason or f"cancelled by {actor}")


async def retry_pipeline(deps: Deps, pipeline_id: int, *, actor: str) -> None:
    """Retry every job of a pipeline that ended without passing.

    Raises:
        NotFound: there is no such pipeline.
        Conflict: there is no such job.
        TokenErased: its remote's token is gone.
    """
    await _insist(deps, pipeline_id)
    async with deps.begin() as db:
        found = await job_views.of_pipeline(db, pipeline_id)
        again = [each["id"] for each in found if may_be_retried(each["state"], replaced=each["replaced"])]
        if not again:
            raise Conflict(f"Pipeline {pipeline_id} has no ended job that did not pass.")
        new = [await jobs.retry(db, job_id, actor=actor) for job_id in again]
    await queue.offer(deps, new)


async def delete_pipeline(deps: Deps, pipeline_id: int, *, actor: str) -> None:
    """Delete an ended pipeline with its jobs, logs, results and measurements.

    Raises:
        NotFound: there is no such pipeline.
        Conflict: one of its jobs has not ended.
    """
    await _insist(deps, pipeline_id)
    async with deps.begin() as db:
        still_open = await removal.remove_pipeline(db, pipeline_id)
        if still_open:
            raise Conflict(f"Pipeline {pipeline_id} has {len(still_open)} open jobs. Cancel it, and delete it then.")
        await audit.record(db, "pipeline.deleted", actor=actor, pipeline_id=pipeline_id)


def may_be_retried(state: JobState, *, replaced: bool) -> bool:
    """Tell whether a retry of its pipeline takes a job along."""
    return state in ENDED - {JobState.PASSED} and not replaced


async def _insist(deps: Deps, pipeline_id: int) -> None:
    async with deps.begin() as db:
        if await pipelines.get(db, pipeline_id) is None:
            raise NotFound(f"There is no pipeline {pipeline_id}.")
