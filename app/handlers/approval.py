"""A person trusts one commit: exactly that one, by its full hash. Every decision is in the audit."""

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import approvals, audit, deliveries, pipelines
from app.db.queries.approvals import APPROVED_BY, Approver
from app.deps import Deps
from app.dispatch import cancel, plan, queue
from app.errors import Conflict, Invalid
from app.handlers.occasion import Occasion
from integrations.events import Actor, CommentPosted, PullRequestChanged
from integrations.forge import Permanent, Permission
from integrations.payload import SHA


async def approve(deps: Deps, repository_id: int, sha: str, actor: str, *, via: str = "admin") -> list[int]:
    """Trust a commit that a pipeline awaits approval for, as somebody of ours; return the ids of the jobs queued.

    Args:
        sha: the full hash; a shorter one could be met on purpose by another commit.
        via: which way the decision came, for the row: admin or page.
    Raises:
        Invalid: the hash is not a full one.
        Conflict: no pipeline of the repository has this commit.
    """
    if not SHA.fullmatch(sha):
        raise Invalid("sha: give the full hash of the commit you looked at, 40 or 64 hex digits.")
    async with deps.begin() as db:
        if not await pipelines.of_commit(db, repository_id, sha):
            raise Conflict(f"No pipeline of this repository is for commit {sha}: the head may have moved since.")
    return await trust(deps, repository_id, sha, Approver(name=actor, via=via))


async def trust(deps: Deps, repository_id: int, sha: str, approver: Approver) -> list[int]:
    """Remember that a commit was approved, and queue what awaited that; return the ids of the jobs. Again: no change.

    The caller has seen to it that the approver may write, and looked at this commit.
    """
    async with deps.begin() as db:
        waiting = await pipelines.of_commit(db, repository_id, sha)
        if await approvals.add(db, repository_id, sha, approver):
            detail = (
                f"{sha} by {approver.via}, account {approver.id or 'of ours'}, pull request {approver.pull_request}"
            )
            await audit.record(
                db, "commit.approved", actor=approver.name, detail=f"repository {repository_id}: {detail}"
            )
        queued = [job_id for each in waiting for job_id in await _release(db, each, sha, approver.name)]
        refused = [each for each in await pipelines.unplanned(db, waiting) if await deliveries.reopen(db, each)]
    for delivery_id in refused:  # of more than an outsider may ask for, say: what brought it is handled as trusted now
        await deps.tasks.put("handle_delivery", delivery_id)
    if queued:
        await queue.offer(deps, queued)
    for pipeline_id in waiting:
        await deps.notices.publish("pipeline", pipeline=pipeline_id)
    return queued


async def revoke(deps: Deps, repository_id: int, number: int, actor: str) -> tuple[list[str], int]:
    """Take the approvals of a pull request back and cancel what waits by them; return the commits and how many jobs."""
    async with deps.begin() as db:
        commits = await approvals.withdraw(db, repository_id, number)
        waiting = await approvals.distrust(db, repository_id, commits)
        for commit in commits:
            detail = f"repository {repository_id}: {commit}, pull request {number}"
            await audit.record(db, "commit.revoked", actor=actor, detail=detail)
    await cancel.cancel_jobs(deps, waiting, actor=actor, reason=f"{actor} took the approval back")
    return commits, len(waiting)


async def by_review(event: CommentPosted, occasion: Occasion, deps: Deps) -> str:
    """Take an approving review of who may write as an approval of the commit that its writer saw, if that is the head.

    Raises:
        Transient: the forge does not say who may write, or where the head is.
    """
    seen = event.seen_commit
    if not event.approves or seen is None or not event.is_open or event.sender.id != event.author.id:
        return "the review approves no commit"
    pull = await occasion.forge.pull_request(occasion.facts(), event.number)
    if pull is None or pull.head != seen:
        return "the review is of an older commit: nothing approved"
    if not pull.from_fork:
        return "the review is of a branch of the repository itself: nothing to approve"
    if not await _may_write(event.author, occasion):
        return "its writer may not write: nothing approved"
    via = Approver(
        name=event.author.name,
        id=event.author.id,
        via="review",
        pull_request=event.number,
        delivery_id=occasion.delivery_id,
    )
    queued = await trust(deps, occasion.repository_id, seen, via)
    return f"approved {seen} by review: {len(queued)} jobs queued"


async def by_label(event: PullRequestChanged, occasion: Occasion, deps: Deps) -> str:
    """Take a label, that the rules name for it, as an approval of the head it was set on, by who may write.

    Raises:
        Transient: the forge does not say who may write.
    """
    if not await _may_write(event.sender, occasion):
        return f"label {event.label!r}: who set it may not write, nothing approved"
    via = Approver(
        name=event.sender.name,
        id=event.sender.id,
        via="label",
        pull_request=event.number,
        delivery_id=occasion.delivery_id,
    )
    queued = await trust(deps, occasion.repository_id, event.commit, via)
    return f"approved {event.commit} by label: {len(queued)} jobs queued"


async def approver(db: AsyncConnection, repository_id: int, sha: str) -> str | None:
    """Name who trusted exactly this commit, if anybody did."""
    found = await approvals.of(db, repository_id, sha)
    return None if found is None else str(found["approver"])


async def _may_write(actor: Actor, occasion: Occasion) -> bool:
    """Ask the forge live. A refusal to answer is no."""
    try:
        return await occasion.forge.permission(occasion.facts(), actor) >= Permission.WRITE
    except Permanent:
        return False


async def _release(db: AsyncConnection, pipeline_id: int, sha: str, actor: str) -> list[int]:
    await audit.record(db, "pipeline.approved", actor=actor, pipeline_id=pipeline_id, detail=sha)
    await pipelines.trust(db, pipeline_id, approved_by(actor))
    return await plan.release(db, pipeline_id, actor=actor, reason=approved_by(actor))


def approved_by(actor: str) -> str:
    """Say why an approved commit may run."""
    return f"{APPROVED_BY}{actor}"[: pipelines.TRUST_LIMIT]
