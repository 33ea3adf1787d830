"""How long the things of one repository are kept."""

from typing import Annotated

from pydantic import Field

from app.db.queries import audit, kept, repositories
from app.db.queries.kept_kinds import RULES
from app.deps import Deps
from app.errors import NotFound
from app.rights import Right
from app.web.api.operations import Given, Told, operation
from app.web.auth import Actor

LONGEST = 100_000  # days
Days = Annotated[int | None, Field(ge=0, le=LONGEST, description="days; 0: for ever; null: as the settings say")]


class Keeping(Given):
    """The rules of a repository of its own."""

    logs: Days = None
    artefacts: Days = None
    samples: Days = None
    results: Days = None
    pipelines: Days = None


class KeepingTold(Told):
    """What counts for a repository in days, and which of it is its own; 0: for ever."""

    logs: int
    artefacts: int
    samples: int
    results: int
    pipelines: int
    own: Keeping


@operation("GET", "/repositories/{repository_id}/retention", right=Right.READ, answer=KeepingTold)
async def show_retention(deps: Deps, *, actor: Actor, repository_id: int) -> KeepingTold:
    """Read how long logs, artefacts, raw samples, result files and pipelines of a repository are kept."""
    async with deps.begin() as db:
        row = await repositories.get(db, repository_id)
        own = await kept.rules(db, repository_id)
    if row is None or row["removed_at"] is not None:
        raise NotFound(f"There is no repository {repository_id}.")
    counts = {what: own.get(what, getattr(deps.settings, f"keep_{what}_days")) for what in RULES}
    return KeepingTold(**counts, own=Keeping(**own))


@operation("PUT", "/repositories/{repository_id}/retention", right=Right.CONFIGURE, body=Keeping, answer=KeepingTold)
async def set_retention(deps: Deps, *, actor: Actor, repository_id: int, body: Keeping) -> KeepingTold:
    """Give a repository rules of its own; what is left out is as the settings say. Workers obey within minutes."""
    await show_retention(deps, actor=actor, repository_id=repository_id)
    days = {what: each for what, each in body.model_dump().items() if each is not None}
    async with deps.begin() as db:
        await kept.set_rules(db, repository_id, days)
        await audit.record(db, "repository.retention_set", actor=actor.name, detail=f"{repository_id}: {days}")
    return await show_retention(deps, actor=actor, repository_id=repository_id)
