"""The list of pipelines, and one pipeline with its jobs."""

from dataclasses import dataclass
from datetime import datetime

from quart import Response

from app.db.queries import pages as queries
from app.db.queries import pipelines, repositories
from app.db.queries.pipelines import PipelineView
from app.states import JobState
from app.web.pages.answer import ID, PAGE, answer, deps, found, number, page, text
from app.web.pages.filters import commit_address
from app.web.pages.rows import JobRow, job_row, titled


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What the list was asked for; what makes no sense is as if not given."""

    repository: str | None
    state: JobState | None
    branch: str | None
    commit: str | None
    pull_request: int | None

    @property
    def given(self) -> dict[str, str]:
        """List what was asked for, as for a query string."""
        return {name: str(value) for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class PipelinesView:
    """`/pipelines`."""

    filters: Filters
    items: list[PipelineView]
    next: int | None  # `before` of the next page
    first: bool


@dataclass(frozen=True, kw_only=True)
class PipelinePage:
    """`/pipelines/{id}`."""

    pipeline: PipelineView
    commit_address: str | None
    author: str | None
    committed_at: datetime | None
    parents: list[str]
    jobs: list[JobRow]


@page("/pipelines")
async def pipeline_list() -> Response:
    """List pipelines, the newest first."""
    asked, before = _filters(), number("before")
    async with deps().begin() as db:
        rows = await pipelines.list_(db, **vars(asked), before=before, limit=PAGE + 1)
        items = await titled(db, rows[:PAGE])
    following = items[-1].id if len(rows) > PAGE else None
    return await answer(
        "pipelines.html",
        PipelinesView(filters=asked, items=items, next=following, first=before is None),
        states=list(JobState),
    )


@page(f"/pipelines/<{ID}:pipeline_id>")
async def pipeline(pipeline_id: int) -> Response:
    """Show one pipeline."""
    async with deps().begin() as db:
        row = found(await pipelines.get(db, pipeline_id), f"pipeline {pipeline_id}")
        (titled_row,) = await titled(db, [row])
        facts = (await queries.commits(db, row.repository_id, [row.commit])).get(row.commit)
        repository = found(await repositories.get(db, row.repository_id), "such repository")
        jobs = [job_row(each) for each in await queries.jobs_of(db, pipeline_id)]
    view = PipelinePage(
        pipeline=titled_row,
        commit_address=commit_address(row.forge, repository["clone_url"], row.commit),
        author=facts["author"] if facts else None,
        committed_at=facts["committed_at"] if facts else None,
        parents=facts["parents"] if facts else [],
        jobs=jobs,
    )
    return await answer("pipeline.html", view)


def _filters() -> Filters:
    state = text("state")
    return Filters(
        repository=text("repository"),
        state=JobState(state) if state in list(JobState) else None,
        branch=text("branch"),
        commit=(text("commit") or "").lower() or None,
        pull_request=number("pull_request"),
    )
