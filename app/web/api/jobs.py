"""Jobs: look, cancel, retry, delete. `job_files` gives logs and results."""

from app.db.queries import job_views, why
from app.deps import Deps
from app.errors import NotFound
from app.handlers import jobs as deciding
from app.rights import Right
from app.web import progress
from app.web.api.job_answers import JobTold, job_told
from app.web.api.operations import operation
from app.web.api.pipelines import Reason
from app.web.auth import Actor


@operation("GET", "/jobs/{job_id}", answer=JobTold)
async def show_job(deps: Deps, *, job_id: int) -> JobTold:
    """Read one job with its latest attempt, what it waits for, and how far it is."""
    async with deps.begin() as db:
        job = await job_views.get(db, job_id)
        waits = await why.waits(db, [job_id], deps.settings.caps)
        far = await progress.of_job(db, job_id)
    if job is None:
        raise NotFound(f"There is no job {job_id}.")
    return job_told(job, deps.settings.public_url, waits.get(job_id), far)


@operation("POST", "/jobs/{job_id}/cancel", right=Right.CONTROL, body=Reason, answer=JobTold)
async def cancel_job(deps: Deps, *, actor: Actor, job_id: int, body: Reason) -> JobTold:
    """Cancel a job: a waiting one at once, a running one within the cancel grace. An ended one stays as it ended."""
    await deciding.cancel_job(deps, job_id, reason=body.reason, actor=actor.name)
    return await show_job(deps, job_id=job_id)


@operation("POST", "/jobs/{job_id}/retry", right=Right.CONTROL, answer=JobTold)
async def retry_job(deps: Deps, *, actor: Actor, job_id: int) -> JobTold:
    """Queue a new job in the place of an ended one; it is the answer. 409 if open, retried, or without its token."""
    return await show_job(deps, job_id=await deciding.retry_job(deps, job_id, actor=actor.name))


@operation("DELETE", "/jobs/{job_id}", right=Right.CONFIGURE)
async def delete_job(deps: Deps, *, actor: Actor, job_id: int) -> None:
    """Delete an ended job with its logs, results and measurements. 409 if it is open or its pipeline's only one."""
    await deciding.delete_job(deps, job_id, actor=actor.name)
