"""The start page: what happens now, what happened last, and what to do first."""

from dataclasses import dataclass

from quart import Response, request

from app.db.queries import lab, pipeline_lists, repositories
from app.db.queries import pages as queries
from app.db.queries.pipelines import PipelineView
from app.states import HELD, JobState
from app.web.pages.answer import answer, deps, go_to, page
from app.web.pages.rows import BoardRow, JobRow, board_row, job_row, titled
from app.web.pages.welcome import is_first_visit

LAST, NOW = 10, 8  # rows of what ended and of what runs


@dataclass(frozen=True, kw_only=True)
class RepositoryRow:
    """One repository that is served."""

    forge: str
    full_name: str
    default_branch: str


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """`/`."""

    counts: dict[str, int]  # open jobs by state
    running: list[JobRow]
    waiting: list[JobRow]
    pipelines: list[PipelineView]
    boards: list[BoardRow]
    repositories: list[RepositoryRow]
    public_url: str


@page("/")
async def dashboard() -> Response:
    """Show the state of everything at a glance; on the very first visit lead to the page for that."""
    if request.path == "/" and await is_first_visit():
        return go_to("/welcome")
    open_ = frozenset({JobState.QUEUED, JobState.AWAITING_APPROVAL})
    async with deps().begin() as db:
        view = Dashboard(
            counts=await queries.open_counts(db),
            running=[job_row(each) for each in await queries.jobs_in(db, HELD, limit=NOW)],
            waiting=[job_row(each) for each in await queries.jobs_in(db, open_, limit=NOW)],
            pipelines=await titled(db, await pipeline_lists.list_(db, limit=LAST)),
            boards=[board_row(each) for each in await lab.boards(db, limit=60)],
            repositories=[
                RepositoryRow(**{name: each[name] for name in RepositoryRow.__dataclass_fields__})
                for each in await repositories.list_(db, limit=30)
            ],
            public_url=deps().settings.public_url,
        )
    return await answer("dashboard.html", view)
