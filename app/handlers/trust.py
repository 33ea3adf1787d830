"""May this commit run by itself? Trust belongs to one commit, and is asked of the forge, never of texts."""

from app.db.queries import pipelines
from app.deps import Deps
from app.handlers import approval
from app.handlers.occasion import Occasion
from integrations.events import Actor, PullRequestChanged
from integrations.forge import Permanent, Permission


async def trust_in(event: PullRequestChanged, occasion: Occasion, deps: Deps) -> str | None:
    """Say why the head of a pull request may run; None: somebody must look at it first.

    Who pushes to a branch of the repository itself may write to it. From a fork, author and sender
    must both be able to write: the author alone would let others push to the fork, the sender alone
    would let "update branch" by a maintainer promote what nobody read.

    Raises:
        Transient: the forge did not say; nothing may run, and the question must be asked again.
    """
    if not event.from_fork:
        return f"branch {event.head_branch[:100]} of the repository itself"
    async with deps.begin() as db:
        approver = await approval.approver(db, occasion.repository_id, event.commit)
    if approver is not None:
        return approval.approved_by(approver)
    for actor in {event.author.id: event.author, event.sender.id: event.sender}.values():
        if not await _may_write(actor, occasion):
            return None
    return f"author {event.author.name} and sender {event.sender.name} may write"[: pipelines.TRUST_LIMIT]


async def _may_write(actor: Actor, occasion: Occasion) -> bool:
    """Ask the forge live. A refusal to answer is no, as 404 is."""
    try:
        return await occasion.forge.permission(occasion.facts(), actor) >= Permission.WRITE
    except Permanent:
        return False
