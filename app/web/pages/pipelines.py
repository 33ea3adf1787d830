"""The list of pipelines, and one pipeline with its jobs."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from quart import Response

from app.db.queries import pages as queries
from app.db.queries import pipeline_lists, pipelines, repositories
from app.db.queries.pipeline_lists import Asked
from app.db.queries.pipelines import PipelineView
from app.errors import Conflict
from app.handlers import approval
from app.handlers import jobs as deciding
from app.rights import Right
from app.states import ENDED, JobState
from app.web import admission
from app.web.api.operations import read_form
from app.web.api.pipelines import Reason
from app.web.pages.answer import ID, PAGE, answer, button, deps, found, go_to, number, page, text
from app.web.pages.asked import Asked as Links
from app.web.pages.facets import Facet, facets
from app.web.pages.filters import commit_address
from app.web.pages.fresh import wants
from app.web.pages.rows import JobRow, job_row, titled
from builders.protocol import Kind

CHOICES = 12  # repositories that are offered as filters
SINCE = {0: "today", 1: "since yesterday", 7: "a week", 30: "a month"}  # days


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What the list was asked for; what makes no sense is as if not given."""

    repository: str | None
    state: JobState | None
    branch: str | None
    commit: str | None
    pull_request: int | None
    requested_by: str | None
    since: datetime | None

    @property
    def given(self) -> dict[str, str]:
        """List what was asked for, as for a query string."""
        told = {name: str(value) for name, value in vars(self).items() if value is not None}
        return told | ({"since": self.since.date().isoformat()} if self.since else {})


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

    @property
    def asks_for_approval(self) -> bool:
        """Tell whether a person has to look first, also where more was asked for than an outsider may."""
        is_refused = self.pipeline.from_fork and not self.pipeline.trust and not self.jobs
        return self.pipeline.state is JobState.AWAITING_APPROVAL or is_refused

    @property
    def is_open(self) -> bool:
        """Tell whether there is something to cancel."""
        return any(each.state not in ENDED for each in self.jobs)

    @property
    def may_be_retried(self) -> bool:
        """Tell whether a retry would take a job along."""
        able = any(deciding.may_be_retried(each.state, replaced=each.replaced) for each in self.jobs)
        return able and not self.pipeline.token_erased and self.pipeline.kind != Kind.HEALTH

    @property
    def no_cancel(self) -> str:
        """Say why it cannot be cancelled; empty if it can."""
        return "" if self.is_open else "Its jobs have ended." if self.jobs else "It has no jobs."

    @property
    def no_retry(self) -> str:
        """Say why it cannot be retried; empty if it can."""
        if self.may_be_retried:
            return ""
        if self.pipeline.token_erased:
            return "The token that it was dispatched with is erased: dispatch the commit again."
        return "No job has ended without passing."

    @property
    def no_delete(self) -> str:
        """Say why it cannot be deleted; empty if it can."""
        return "Some of its jobs have not ended: cancel it first." if self.is_open else ""

    @property
    def targets(self) -> dict[str, list[str]]:
        """Name what runs once it is approved: for each board type its configurations."""
        waiting = [each for each in self.jobs if each.state == JobState.AWAITING_APPROVAL]
        return {
            each.board_type: sorted({one.configuration for one in waiting if one.board_type == each.board_type})
            for each in waiting
        }


@page("/pipelines")
async def pipeline_list() -> Response:
    """List pipelines, the newest first."""
    asked, before = _filters(), number("before")
    async with deps().begin() as db:
        rows = await pipeline_lists.page(db, Asked(**vars(asked)), before=before, limit=PAGE)
        items = await titled(db, rows.items)
        names = [each["full_name"] for each in await repositories.list_(db, limit=CHOICES)] if wants("filters") else []
        visitor = await admission.visitor()
    return await answer(
        "pipelines.html",
        PipelinesView(filters=asked, items=items, next=rows.next, first=before is None),
        states=list(JobState),
        facets=_facets(asked, names, visitor.name if visitor else None),
    )


def _facets(asked: Filters, repositories_: Sequence[str], visitor: str | None) -> list[Facet]:
    """Offer the usual filters as links: what is asked for is kept, and a page of older ones is left."""
    days = {(datetime.now(UTC) - timedelta(days=each)).date().isoformat(): label for each, label in SINCE.items()}
    choices = {
        "state": [each.value for each in JobState if each is not JobState.LEASED],
        "since": list(days),
        "requested_by": [visitor] if visitor else [],
        "repository": list(repositories_),
    }
    given = asked.given
    labels = days | {each.value: each.value.replace("_", " ") for each in JobState}
    if visitor:
        labels |= {visitor: "me"}
    links = Links(list(Filters.__dataclass_fields__), list(given.items()))
    chosen = {name: [given[name]] for name in choices if name in given}
    shown = {name: [*dict.fromkeys([*values, *chosen.get(name, [])])] for name, values in choices.items()}
    return facets(links, shown, chosen, single=list(choices), labels=labels, least=1)


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
    return await answer("pipeline.html", view, visitor=await admission.visitor())


@button(f"/pipelines/<{ID}:pipeline_id>/approve", pipeline)
async def approve_from_page(pipeline_id: int) -> Response:
    """Approve the commit that the page showed, for an admin.

    Raises:
        Conflict: the form names another commit than the pipeline is for.
    """
    actor, form = await admission.pressed(Right.APPROVE, pipeline_id=pipeline_id)
    async with deps().begin() as db:
        row = found(await pipelines.get(db, pipeline_id), f"pipeline {pipeline_id}")
    if form.get("sha") != row.commit:
        raise Conflict(f"Pipeline {pipeline_id} is for commit {row.commit}. Look at that one before you approve.")
    await approval.approve(deps(), row.repository_id, row.commit, actor.name, via="page")
    return go_to(f"/pipelines/{pipeline_id}")


@button(f"/pipelines/<{ID}:pipeline_id>/cancel", pipeline)
async def cancel_from_page(pipeline_id: int) -> Response:
    """Cancel all its jobs that have not ended, for a member."""
    actor, form = await admission.pressed(Right.CONTROL, pipeline_id=pipeline_id)
    await deciding.cancel_pipeline(deps(), pipeline_id, reason=read_form(Reason, form).reason, actor=actor.name)
    return go_to(f"/pipelines/{pipeline_id}", "cancelled")


@button(f"/pipelines/<{ID}:pipeline_id>/retry", pipeline)
async def retry_from_page(pipeline_id: int) -> Response:
    """Retry all its jobs that ended without passing, for a member."""
    actor, _ = await admission.pressed(Right.CONTROL, pipeline_id=pipeline_id)
    await deciding.retry_pipeline(deps(), pipeline_id, actor=actor.name)
    return go_to(f"/pipelines/{pipeline_id}", "retried")


@button(f"/pipelines/<{ID}:pipeline_id>/delete", pipeline)
async def delete_from_page(pipeline_id: int) -> Response:
    """Delete an ended pipeline with all that hangs on it, for an admin."""
    actor, _ = await admission.pressed(Right.CONFIGURE, pipeline_id=pipeline_id)
    await deciding.delete_pipeline(deps(), pipeline_id, actor=actor.name)
    return go_to("/pipelines", "deleted pipeline")


def _filters() -> Filters:
    state = text("state")
    return Filters(
        repository=text("repository"),
        state=JobState(state) if state in list(JobState) else None,
        branch=text("branch"),
        commit=(text("commit") or "").lower() or None,
        pull_request=number("pull_request"),
        requested_by=text("requested_by"),
        since=_day(text("since")),
    )


def _day(written: str | None) -> datetime | None:
    """Read a day, from its beginning in UTC; nonsense counts as not given."""
    with contextlib.suppress(ValueError):
        return datetime.fromisoformat(written or "").replace(tzinfo=UTC)
    return None
