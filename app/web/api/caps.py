"""How many boards the jobs of one share of a repository may hold at a time."""

from typing import Annotated

from pydantic import Field

from app.db.queries import audit, repositories
from app.deps import Deps
from app.errors import NotFound
from app.rights import Right
from app.web.api.operations import Given, Told, operation
from app.web.auth import Actor

MOST = 1_000_000
Cap = Annotated[
    int | None, Field(ge=0, le=MOST, description="boards at a time; 0: any number; null: as the settings say")
]


class Caps(Given):
    """The caps of a repository of its own."""

    fork_owner: Cap = None
    pull_request: Cap = None
    repository: Cap = None


class CapsTold(Told):
    """What counts for a repository, and which of it is its own."""

    fork_owner: int = Field(description="boards that the jobs of one fork's owner may hold; 0: any number")
    pull_request: int
    repository: int
    own: Caps


@operation("GET", "/repositories/{repository_id}/caps", right=Right.READ, answer=CapsTold)
async def show_caps(deps: Deps, *, actor: Actor, repository_id: int) -> CapsTold:
    """Read the caps that count for a repository."""
    async with deps.begin() as db:
        row = await repositories.get(db, repository_id)
    if row is None or row["removed_at"] is not None:
        raise NotFound(f"There is no repository {repository_id}.")
    own = {name: row[f"cap_{name}"] for name in Caps.model_fields}
    counts = {name: deps.settings.caps[f"cap_{name}"] if cap is None else cap for name, cap in own.items()}
    return CapsTold(**counts, own=Caps(**own))


@operation("PUT", "/repositories/{repository_id}/caps", right=Right.LAB, body=Caps, answer=CapsTold)
async def set_caps(deps: Deps, *, actor: Actor, repository_id: int, body: Caps) -> CapsTold:
    """Give a repository caps of its own; what is left out is as the settings say. The next claim obeys them."""
    await show_caps(deps, actor=actor, repository_id=repository_id)
    async with deps.begin() as db:
        values = {f"cap_{name}": cap for name, cap in body.model_dump().items()}
        await repositories.change(db, repository_id, **values)
        await audit.record(db, "repository.caps_set", actor=actor.name, detail=f"{repository_id}: {values}")
    return await show_caps(deps, actor=actor, repository_id=repository_id)
