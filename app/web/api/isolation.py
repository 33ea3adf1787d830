"""How well a builder must keep the code of a repository's forks apart."""

from pydantic import Field

from app.db.queries import audit, repositories
from app.deps import Deps
from app.errors import NotFound
from app.rights import Right
from app.web.api.operations import Given, Told, operation
from app.web.auth import Actor
from builders.protocol import Level


class Isolation(Given):
    """What a repository asks for of its own."""

    forks: Level | None = Field(default=None, description="for jobs of forks; null: as the settings say")


class IsolationTold(Told):
    """What counts for a repository, and whether that is its own."""

    forks: str = Field(description="what the builder of a fork's job must have at least")
    own: Isolation


@operation("GET", "/repositories/{repository_id}/isolation", right=Right.READ, answer=IsolationTold)
async def show_isolation(deps: Deps, *, actor: Actor, repository_id: int) -> IsolationTold:
    """Read how well a builder must keep the code of a repository's forks apart."""
    async with deps.begin() as db:
        row = await repositories.get(db, repository_id)
    if row is None or row["removed_at"] is not None:
        raise NotFound(f"There is no repository {repository_id}.")
    own = row["fork_isolation"]
    counts = own or deps.settings.fork_isolation.value
    return IsolationTold(forks=counts, own=Isolation(forks=None if own is None else Level(own)))


@operation("PUT", "/repositories/{repository_id}/isolation", right=Right.LAB, body=Isolation, answer=IsolationTold)
async def set_isolation(deps: Deps, *, actor: Actor, repository_id: int, body: Isolation) -> IsolationTold:
    """Let a repository ask for more or less than the settings; `null` takes that back. Counts for new pipelines."""
    await show_isolation(deps, actor=actor, repository_id=repository_id)
    wanted = None if body.forks is None else body.forks.value
    async with deps.begin() as db:
        await repositories.change(db, repository_id, fork_isolation=wanted)
        await audit.record(db, "repository.isolation_set", actor=actor.name, detail=f"{repository_id}: {wanted}")
    return await show_isolation(deps, actor=actor, repository_id=repository_id)
