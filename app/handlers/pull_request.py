"""A pull request was opened, moved, marked, or closed."""

from dataclasses import dataclass

import sqlalchemy as sa

from app.db.models import Priority, Trigger
from app.db.queries import pipelines, pull_requests
from app.deps import Deps
from app.dispatch import cancel
from app.dispatch.plan import PipelineRequest, open_pipeline
from app.handlers.occasion import Occasion
from app.handlers.push import dedupe_key, verdict
from app.handlers.trust import may_write, trust_in
from builders.protocol import Kind
from integrations.events import PullRequestAction, PullRequestChanged
from integrations.forge import Transient


@dataclass(frozen=True, kw_only=True)
class Noted:
    """What is known of a pull request after an event, and the waiting jobs that it makes pointless."""

    known: sa.RowMapping
    stale: list[int]

    @property
    def waits_for_a_person(self) -> bool:
        """Tell whether nothing runs by itself: it is closed, or a draft."""
        return bool(self.known["draft"] or not self.known["open"])


async def on_changed(event: PullRequestChanged, occasion: Occasion, deps: Deps) -> str:
    """Open a pipeline for the newest head and drop what waits for older ones; without trust its jobs await approval."""
    noted = await _note(event, occasion, deps)
    await cancel.cancel_jobs(deps, noted.stale, actor="service", reason=_reason(noted.known))
    newer = noted.known["head"]
    if newer != event.commit:
        return f"superseded by {newer}: that head was known before this delivery came"
    if not noted.known["open"]:
        return f"closed: {len(noted.stale)} waiting jobs cancelled"
    if event.action is PullRequestAction.LABELLED:
        return await _labelled(event, occasion)
    if noted.known["draft"]:
        return "a draft: nothing runs by itself"
    return await _open(event, occasion, deps)


async def _note(event: PullRequestChanged, occasion: Occasion, deps: Deps) -> Noted:
    """Take the event over if it is news."""
    async with deps.begin() as db:
        known = await pull_requests.note(db, occasion.repository_id, occasion.delivery_id, event)
        ended = known["draft"] or not known["open"]
        but = "" if ended else known["head"]
        stale = await pipelines.waiting_jobs(db, occasion.repository_id, pull_request=event.number, but=but)
    return Noted(known=known, stale=stale)


def _reason(known: sa.RowMapping) -> str:
    if not known["open"]:
        return pipelines.CLOSED
    return pipelines.DRAFT if known["draft"] else f"{pipelines.SUPERSEDED}{known['head']}"


async def _labelled(event: PullRequestChanged, occasion: Occasion) -> str:
    """Listen to a label only if who set it may write: others may hold the right to sort, and not to run."""
    if not await may_write(event.sender, occasion):
        return f"nothing to do for the label {event.label}: {event.sender.name} may not write"
    return f"nothing to do for the label {event.label}"


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
