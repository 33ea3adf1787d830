"""A merge queue wants to know about a commit before it merges it, or no longer."""

from app.db.models import Priority, Trigger
from app.db.queries import pipelines
from app.deps import Deps
from app.dispatch import cancel
from app.dispatch.plan import PipelineRequest
from app.handlers.occasion import Occasion
from app.handlers.policy import Base, open_by_rules, told
from app.policy.rules import Happening, On
from integrations.events import MergeGroupDestroyed, MergeGroupRequested


async def on_requested(event: MergeGroupRequested, occasion: Occasion, deps: Deps) -> str:
    """Measure what would be merged. Somebody with the right to merge put it in the queue: it needs no approval.

    The tokens that ask us to skip a commit do not count here: the queue would wait for ever.
    """
    trust = f"merge queue of {event.base_branch}"[: pipelines.TRUST_LIMIT]
    planned = await open_by_rules(
        Happening(event=On.MERGE_GROUP, branch=event.base_branch),
        Base(branch=event.base_branch),
        PipelineRequest(
            repository_id=occasion.repository_id,
            commit=event.commit,
            trigger=Trigger.MERGE_GROUP,
            fetch_ref=event.ref,
            title=f"Merge queue of {event.base_branch}",
            trust=trust,
            requested_by=event.sender.name,
            delivery_id=occasion.delivery_id,
            priority=Priority.BRANCH,
            reports=True,
            status_memory={"ref": event.ref.removeprefix("refs/heads/")},
        ),
        occasion,
        deps,
    )
    return told(planned)


async def on_destroyed(event: MergeGroupDestroyed, occasion: Occasion, deps: Deps) -> str:
    """Cancel what runs for a commit that will not be merged; one that was merged is a push of its branch now."""
    if event.merged:
        return "merged: the push of the branch goes on with the pipeline"
    async with deps.begin() as db:
        unended = await pipelines.open_jobs(db, occasion.repository_id, event.commit, Trigger.MERGE_GROUP)
    await cancel.cancel_jobs(deps, unended, actor="service", reason=pipelines.UNQUEUED)
    return f"left the merge queue: {len(unended)} jobs cancelled"
