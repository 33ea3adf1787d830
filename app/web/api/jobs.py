"""Jobs: look, cancel, retry, delete. `job_files` gives logs and results."""

from typing import Annotated

from pydantic import Field

from app.db.queries import job_views, jobs, why
from app.deps import Deps
from app.errors import NotFound
from app.handlers import jobs as deciding
from app.rights import Right
from app.states import JobState
from app.web import progress
from app.web.api.job_answers import AttemptTold, JobTold, job_told
from app.web.api.operations import operation
from app.web.api.paging import Page, Paged, page
from app.web.api.pipelines import Reason
from app.web.api.series import repository
from app.web.api.words import Word
from app.web.auth import Actor


class JobFilter(Paged):
    """Which jobs; every condition must hold."""

    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{4,64}$", description="full hash or its beginning")] | None = None
    repository: Word | None = Field(default=None, description="full name")
    state: JobState | None = None
    board_type: Word | None = None


@operation("GET", "/jobs", query=JobFilter, answer=Page[JobTold])
async def list_jobs(deps: Deps, *, query: JobFilter) -> Page[JobTold]:
    """List jobs, the newest first, those that a retry replaced too."""
    chosen = query.model_dump(include={"commit", "state", "board_type"})
    async with deps.begin() as db:
        repository_id = await repository(db, query.repository) if query.repository else None
        found = await job_views.list_(
            db, **chosen, repository_id=repository_id, before=query.cursor or None, limit=query.limit + 1
        )
    return page([job_told(each, deps.settings.public_url) for each in found], limit=query.limit)


@operation("GET", "/jobs/{job_id}/attempts", query=Paged, answer=Page[AttemptTold])
async def list_attempts(deps: Deps, *, job_id: int, query: Paged) -> Page[AttemptTold]:
    """List all tries at a job, the latest first; `?attempt=` of its log, results and artefacts takes their ids."""
    async with deps.begin() as db:
        await jobs.get(db, job_id)
        found = await job_views.attempts(db, job_id, before=query.cursor or None, limit=query.limit + 1)
    return page([AttemptTold.model_validate(each) for each in found], limit=query.limit)


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
    """Queue a new job in the place of an ended one; it is the answer. 409 if open or retried.

    `token_erased` if it was dispatched with a token, which is gone.
    """
    return await show_job(deps, job_id=await deciding.retry_job(deps, job_id, actor=actor.name))


@operation("DELETE", "/jobs/{job_id}", right=Right.CONFIGURE)
async def delete_job(deps: Deps, *, actor: Actor, job_id: int) -> None:
    """Delete an ended job with its logs, results and measurements. 409 if it is open or its pipeline's only one."""
    await deciding.delete_job(deps, job_id, actor=actor.name)
