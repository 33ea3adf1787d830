"""A pull request was opened, moved, or closed."""

from app.db.models import Priority, Trigger
from app.db.queries import pipelines, pull_requests
from app.deps import Deps
from app.dispatch import cancel
from app.dispatch.plan import PipelineRequest, open_pipeline
from app.handlers.occasion import Occasion
from app.handlers.push import dedupe_key, verdict
from app.handlers.trust import trust_in
from builders.protocol import Kind
from integrations.events import PullRequestAction, PullRequestChanged
from integrations.forge import Transient


async def on_changed(event: PullRequestChanged, occasion: Occasion, deps: Deps) -> str:
    """Open a pipeline for the new head and drop what waits for older ones; without trust its jobs await approval."""
    if event.action is PullRequestAction.LABELLED:
        return f"nothing to do for the label {event.label}"
    newer, stale = await _note(event, occasion, deps)
    await cancel.cancel_jobs(deps, stale, actor="service", reason=_reason(event))
    if newer is not None:
        return f"superseded by {newer}: that head was known before this delivery came"
    if event.action is PullRequestAction.CLOSED:
        return f"closed: {len(stale)} waiting jobs cancelled"
    if event.draft:
        return "a draft: nothing runs by itself"
    return await _open(event, occasion, deps)


async def _note(event: PullRequestChanged, occasion: Occasion, deps: Deps) -> tuple[str | None, list[int]]:
    """Take the event over if it is news, and list the waiting jobs that it makes pointless."""
    ended = event.draft or event.action is PullRequestAction.CLOSED
    async with deps.begin() as db:
        newer = await pull_requests.note(db, occasion.repository_id, occasion.delivery_id, event)
        if newer is not None:
            return newer, []
        stale = await pipelines.waiting_jobs(
            db, occasion.repository_id, pull_request=event.number, but="" if ended else event.commit
        )
    return None, stale


def _reason(event: PullRequestChanged) -> str:
    if event.action is PullRequestAction.CLOSED:
        return pipelines.CLOSED
    return pipelines.DRAFT if event.draft else f"{pipelines.SUPERSEDED}{event.commit}"


async def _open(event: PullRequestChanged, occasion: Occasion, deps: Deps) -> str:
    """Open the pipeline also while the forge does not say who may write: people see it, and nothing runs."""
    try:
        trust, unknown = await trust_in(event, occasion, deps), None
    except Transient as problem:
        trust, unknown = None, problem
    planned = await open_pipeline(deps, _request(event, occasion, trust))
    if unknown is not None:
        raise unknown
    return verdict(planned) + ("" if trust else ", awaiting approval")


def _request(event: PullRequestChanged, occasion: Occasion, trust: str | None) -> PipelineRequest:
    return PipelineRequest(
        repository_id=occasion.repository_id,
        commit=event.commit,
        kind=Kind.RUN,
        trigger=Trigger.PULL_REQUEST,
        dedupe_key=dedupe_key(Kind.RUN, event.commit),
        branch=None if event.from_fork else event.head_branch,
        pull_request=event.number,
        from_fork=event.from_fork,
        fetch_ref=event.fetch_ref,
        title=event.title,
        trust=trust,
        requested_by=event.author.name,
        delivery_id=occasion.delivery_id,
        priority=Priority.PULL_REQUEST,
        reports=True,
        status_memory={
            "ref": event.head_branch,
            "pull_request": event.number,
            "source_repository": event.source_repository,
        },
    )
