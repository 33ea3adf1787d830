"""May this commit run by itself? Trust belongs to one commit, and is asked of the forge, never of texts."""

from app.db.queries import pipelines, pull_requests
from app.deps import Deps
from app.handlers import approval
from app.handlers.occasion import Occasion
from integrations.events import Actor, PullRequestChanged
from integrations.forge import Permanent, Permission


async def trust_in(event: PullRequestChanged, occasion: Occasion, deps: Deps) -> str | None:
    """Say why the head of a pull request may run; None: somebody must look at it first.

    Who pushes to a branch of the repository itself may write to it. From a fork, its author and who brought
    this head must both be able to write: the author alone would let others push to the fork, who brought it
    alone would let "update branch" by a maintainer promote what nobody read. Who sets a label, takes the draft
    mark off or reopens brings nothing, and so promotes nothing.

    Raises:
        Transient: the forge did not say; nothing may run, and the question must be asked again.
    """
    if not event.from_fork:
        return f"branch {event.head_branch[:100]} of the repository itself"
    async with deps.begin() as db:
        approver = await approval.approver(db, occasion.repository_id, event.commit)
        known = await pull_requests.get(db, occasion.repository_id, event.number)
    if approver is not None:
        return approval.approved_by(approver)
    if known is None or known["head"] != event.commit or known["head_by_id"] is None:
        return None
    bringer = Actor(id=known["head_by_id"], name=known["head_by"])
    for actor in {event.author.id: event.author, bringer.id: bringer}.values():
        if not await may_write(actor, occasion):
            return None
    return f"author {event.author.name} and sender {bringer.name} may write"[: pipelines.TRUST_LIMIT]


async def may_write(actor: Actor, occasion: Occasion) -> bool:
    """Ask the forge live. A refusal to answer is no, as 404 is.

    Raises:
        Transient: the forge did not say.
    """
    try:
        return await occasion.forge.permission(occasion.facts(), actor) >= Permission.WRITE
    except Permanent:
        return False
