"""Pipelines: list, look, approve, cancel, retry, delete. `dispatching` opens them."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from app.db.models import Trigger
from app.db.queries import job_views, pipeline_lists, pipelines
from app.db.queries.pipeline_lists import Asked
from app.db.queries.pipelines import PipelineView
from app.deps import Deps
from app.errors import Conflict, NotFound
from app.handlers import approval
from app.handlers import jobs as deciding
from app.rights import Right
from app.states import JobState
from app.web.api.job_answers import JobTold, job_told
from app.web.api.operations import INT4, Given, Told, operation
from app.web.api.paging import Page, Paged
from app.web.api.words import Commit, Line, Word
from app.web.auth import Actor
from builders.protocol import Kind


class PipelineFilter(Paged):
    """Which pipelines; every condition must hold."""

    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{4,64}$", description="full hash or its beginning")] | None = None
    repository: Word | None = Field(default=None, description="full name")
    state: JobState | None = None
    branch: Word | None = None
    pull_request: int | None = Field(default=None, ge=1, le=INT4)
    requested_by: Word | None = Field(default=None, description="who asked for it, exactly")
    since: AwareDatetime | None = Field(default=None, description="opened then or later")


class PipelineRow(Told):
    """A pipeline without its jobs."""

    id: int
    state: JobState = Field(description="derived from the jobs that no retry replaced")
    kind: Kind
    trigger: Trigger
    repository: str
    forge: str
    commit: str
    title: str
    branch: str | None
    pull_request: int | None
    from_fork: bool
    trust: str | None = Field(description="why it may run; null: nobody trusted it yet")
    requested_by: str
    error: str | None = Field(description="why nothing could be planned")
    limit_s: float | None
    repeat: int
    rule: str | None = Field(description="of the repository's rules, that asked for it; null: no rule did")
    preset: str | None = Field(description="the saved dispatch that it was asked for by")
    arguments: dict[str, str] = Field(description="of the preset; scripts get them as RIGLINE_ARG_…")
    compare_with: str | None = Field(description="the commit that this one is to be held against")
    compare_why: str = Field(description="how that one was found")
    interleaved: bool = Field(description="both are built and run by turns on each board")
    token_erased: bool = Field(description="dispatched with a token that was erased at the end: cannot be retried")
    counts: dict[str, int] = Field(description="state → number of jobs")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    url: str = Field(description="its page")


class PipelineTold(PipelineRow):
    """A pipeline with its jobs."""

    jobs: list[JobTold]


class Approving(Given):
    """Which commit somebody looked at."""

    sha: Commit


class Reason(Given):
    """Why."""

    reason: Line = ""


@operation("GET", "/pipelines", query=PipelineFilter, answer=Page[PipelineRow])
async def list_pipelines(deps: Deps, *, query: PipelineFilter) -> Page[PipelineRow]:
    """List pipelines, the newest first."""
    conditions = query.model_dump(exclude={"cursor", "limit"})
    async with deps.begin() as db:
        found = await pipeline_lists.page(db, Asked(**conditions), before=query.cursor or None, limit=query.limit)
    return Page(items=[_row(deps, pipeline) for pipeline in found.items], next=found.next)


@operation("GET", "/pipelines/{pipeline_id}", answer=PipelineTold)
async def show_pipeline(deps: Deps, *, pipeline_id: int) -> PipelineTold:
    """Read one pipeline with its jobs; retried jobs are listed too, as `replaced`."""
    async with deps.begin() as db:
        pipeline = _found(await pipelines.get(db, pipeline_id), pipeline_id)
        its_jobs = await job_views.of_pipeline(db, pipeline_id)
    told = [job_told(job, deps.settings.public_url) for job in its_jobs]
    return PipelineTold(**dict(_row(deps, pipeline)), jobs=told)


@operation("POST", "/pipelines/{pipeline_id}/approve", right=Right.APPROVE, body=Approving, answer=PipelineTold)
async def approve_pipeline(deps: Deps, *, actor: Actor, pipeline_id: int, body: Approving) -> PipelineTold:
    """Trust exactly this commit: its jobs are queued. 409 if the pipeline is for another commit."""
    async with deps.begin() as db:
        pipeline = _found(await pipelines.get(db, pipeline_id), pipeline_id)
    if pipeline.commit != body.sha:
        raise Conflict(f"Pipeline {pipeline_id} is for commit {pipeline.commit}. Look at that one before you approve.")
    await approval.approve(deps, pipeline.repository_id, body.sha, actor.name)
    return await show_pipeline(deps, pipeline_id=pipeline_id)


@operation("POST", "/pipelines/{pipeline_id}/cancel", right=Right.CONTROL, body=Reason, answer=PipelineTold)
async def cancel_pipeline(deps: Deps, *, actor: Actor, pipeline_id: int, body: Reason) -> PipelineTold:
    """Cancel all jobs that have not ended; running ones end within the cancel grace. Repeating it changes nothing."""
    await deciding.cancel_pipeline(deps, pipeline_id, reason=body.reason, actor=actor.name)
    return await show_pipeline(deps, pipeline_id=pipeline_id)


@operation("POST", "/pipelines/{pipeline_id}/retry", right=Right.CONTROL, answer=PipelineTold)
async def retry_pipeline(deps: Deps, *, actor: Actor, pipeline_id: int) -> PipelineTold:
    """Retry every job that ended without passing. 409 if there is none, `token_erased` if its token is gone."""
    await deciding.retry_pipeline(deps, pipeline_id, actor=actor.name)
    return await show_pipeline(deps, pipeline_id=pipeline_id)


@operation("DELETE", "/pipelines/{pipeline_id}", right=Right.CONFIGURE)
async def delete_pipeline(deps: Deps, *, actor: Actor, pipeline_id: int) -> None:
    """Delete an ended pipeline with its jobs, logs, results and measurements. 409 while a job is open."""
    await deciding.delete_pipeline(deps, pipeline_id, actor=actor.name)


def _found(pipeline: PipelineView | None, pipeline_id: int) -> PipelineView:
    if pipeline is None:
        raise NotFound(f"There is no pipeline {pipeline_id}.")
    return pipeline


def _row(deps: Deps, pipeline: PipelineView) -> PipelineRow:
    url = f"{deps.settings.public_url}/pipelines/{pipeline.id}"
    return PipelineRow.model_validate({**vars(pipeline), "url": url})
