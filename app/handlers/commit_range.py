"""The commits between two, as their forge tells them."""

from app.deps import Deps
from app.errors import Invalid, Unavailable
from app.handlers.policy import occasion_for
from integrations.forge import Permanent, Transient


async def between(deps: Deps, repository_id: int, base: str, head: str) -> list[str]:
    """List the commits after base up to head along first parents, the oldest first.

    Raises:
        Invalid: the repository is on no forge that we know, or base is not before head on that line.
        Unavailable: the forge does not answer.
    """
    occasion = await occasion_for(deps, repository_id)
    if occasion is None:
        raise Invalid(
            "This repository is on no forge that could be asked for its commits. Name them: "
            "`git rev-list --first-parent --reverse GOOD..BAD` lists them."
        )
    try:
        found = await occasion.forge.between(occasion.facts(), base, head)
    except Transient as problem:
        raise Unavailable(f"The forge does not say which commits lie between: {problem}. Try again later.") from None
    except Permanent as problem:
        raise Invalid(f"The forge refuses to list the commits: {problem}") from None
    if not found:
        raise Invalid(f"{base} is not before {head} on its line of first parents, or too far away.")
    return found
