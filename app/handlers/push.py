"""A branch or tag moved, or is gone."""

import re

from app.db.models import Priority, Trigger
from app.db.queries import pipelines
from app.deps import Deps
from app.dispatch import cancel
from app.dispatch.plan import PipelineRequest, Planned, open_pipeline
from app.handlers.occasion import Occasion
from builders.protocol import Kind
from integrations.events import Push, RefDeleted

_SKIP = re.compile(
    r"\[(skip ci|ci skip|no ci|skip actions|actions skip)\]|^skip-checks:\s*true\s*$", re.IGNORECASE | re.MULTILINE
)
TAGS, BRANCHES = "refs/tags/", "refs/heads/"


async def on_push(event: Push, occasion: Occasion, deps: Deps) -> str:
    """Measure the pushed commit, unless its author asked not to. Every push: the history needs each of them."""
    if not event.ref.startswith((TAGS, BRANCHES)):
        return f"nothing to do: {event.ref} is neither a branch nor a tag"
    await _drop_replaced(event, occasion, deps)
    if _SKIP.search(event.message):
        return "skipped: the head commit's message asks for it"
    default = occasion.repository["default_branch"]
    planned = await open_pipeline(
        deps,
        PipelineRequest(
            repository_id=occasion.repository_id,
            commit=event.commit,
            kind=Kind.RUN,
            trigger=Trigger.PUSH,
            dedupe_key=dedupe_key(Kind.RUN, event.commit),
            branch=event.branch,
            takes_branch=event.branch == default,
            fetch_ref=event.ref,
            title=event.title,
            trust=f"pushed to {event.ref}"[: pipelines.TRUST_LIMIT],
            requested_by=event.sender.name if event.sender else "",
            delivery_id=occasion.delivery_id,
            priority=Priority.RELEASE if event.branch is None else Priority.BRANCH,
            reports=True,
            status_memory={"ref": event.branch or event.ref.removeprefix(TAGS)},
        ),
    )
    return verdict(planned)


async def _drop_replaced(event: Push, occasion: Occasion, deps: Deps) -> None:
    """Cancel what waits for the commit that a forced push took off the ref: no history will ask for it."""
    if not event.forced or event.before in (None, event.commit):
        return
    async with deps.begin() as db:
        stale = await pipelines.waiting_jobs(
            db, occasion.repository_id, ref=event.ref, commit=event.before, but=event.commit
        )
    await cancel.cancel_jobs(deps, stale, actor="service", reason=f"{pipelines.SUPERSEDED}{event.commit}")


async def on_deleted(event: RefDeleted, occasion: Occasion, deps: Deps) -> str:
    """Cancel what still waits for a branch or tag that is gone."""
    async with deps.begin() as db:
        waiting = await pipelines.waiting_jobs(db, occasion.repository_id, ref=event.ref)
    await cancel.cancel_jobs(deps, waiting, actor="service", reason=pipelines.DELETED)
    return f"deleted {event.ref}: {len(waiting)} waiting jobs cancelled"


def dedupe_key(kind: Kind, commit: str) -> str:
    """Name what an automatic pipeline means: push and pull request of one commit mean the same."""
    return f"{kind.value}:{commit}"


def verdict(planned: Planned) -> str:
    """Say what came of a request."""
    found = "opened" if planned.created else "joined"
    what = planned.error or f"{len(planned.job_ids)} jobs"
    return f"{found} pipeline {planned.pipeline_id}: {what}"
