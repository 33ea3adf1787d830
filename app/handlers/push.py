"""A branch or tag moved, or is gone."""

import re

from app.db.models import Priority, Trigger
from app.db.queries import pipelines
from app.deps import Deps
from app.dispatch import cancel
from app.dispatch.plan import PipelineRequest
from app.handlers import annotations, schedule
from app.handlers.occasion import Occasion
from app.handlers.policy import Base, open_by_rules, told
from app.policy.rules import Happening, On
from integrations.events import Push, RefDeleted
from integrations.forge import Permanent

_SKIP = re.compile(
    r"\[(skip ci|ci skip|no ci|skip actions|actions skip)\]|^skip-checks:\s*true\s*$", re.IGNORECASE | re.MULTILINE
)
TAGS, BRANCHES = "refs/tags/", "refs/heads/"


async def on_push(event: Push, occasion: Occasion, deps: Deps) -> str:
    """Run what the rules want for the pushed commit, unless its author asked not to."""
    if not event.ref.startswith((TAGS, BRANCHES)):
        return f"nothing to do: {event.ref} is neither a branch nor a tag"
    deps.heads.forget((occasion.repository_id, event.branch or ""))
    await _drop_replaced(event, occasion, deps)
    if _SKIP.search(event.message):
        return "skipped: the head commit's message asks for it"
    default = occasion.repository["default_branch"]
    tag = None if event.branch else event.ref.removeprefix(TAGS)
    if tag:
        await annotations.note_tag(deps, occasion.repository_id, event.commit, tag)
    happening = Happening(event=On.TAG if tag else On.PUSH, branch=event.branch, tag=tag, before=event.before)
    base = Base(branch=default, commit=event.commit if event.branch == default else None)
    if event.branch == default:
        await schedule.follow_push(base, occasion, deps)
    planned = await open_by_rules(
        happening,
        base,
        PipelineRequest(
            repository_id=occasion.repository_id,
            commit=event.commit,
            trigger=Trigger.PUSH,
            branch=event.branch,
            takes_branch=event.branch == default,
            fetch_ref=event.ref,
            title=event.title,
            trust=f"pushed to {event.ref}"[: pipelines.TRUST_LIMIT],
            requested_by=event.sender.name if event.sender else "",
            delivery_id=occasion.delivery_id,
            priority=Priority.RELEASE if event.branch is None else Priority.BRANCH,
            reports=True,
            status_memory={"ref": event.branch or tag},
        ),
        occasion,
        deps,
    )
    return told(planned)


async def _drop_replaced(event: Push, occasion: Occasion, deps: Deps) -> None:
    """Cancel what waits for the commit that a forced push took off the ref: no history will ask for it."""
    if event.forced is False or event.before in (None, event.commit):
        return
    async with deps.begin() as db:
        stale = await pipelines.waiting_jobs(
            db, occasion.repository_id, ref=event.ref, commit=event.before, but=event.commit
        )
    if stale and (event.forced or await _lost_its_head(event, occasion)):
        await cancel.cancel_jobs(deps, stale, actor="service", reason=f"{pipelines.SUPERSEDED}{event.commit}")


async def _lost_its_head(event: Push, occasion: Occasion) -> bool:
    """Ask the forge whether the old head is no ancestor of the new one. What it cannot compare is left to be measured.

    Raises:
        Transient: the forge does not answer.
    """
    try:
        shared = await occasion.forge.merge_base(occasion.facts(), str(event.before), event.commit)
    except Permanent:
        return False
    return shared not in (None, event.before)


async def on_deleted(event: RefDeleted, occasion: Occasion, deps: Deps) -> str:
    """Cancel what still waits for a branch or tag that is gone."""
    async with deps.begin() as db:
        waiting = await pipelines.waiting_jobs(db, occasion.repository_id, ref=event.ref)
    await cancel.cancel_jobs(deps, waiting, actor="service", reason=pipelines.DELETED)
    return f"deleted {event.ref}: {len(waiting)} waiting jobs cancelled"
