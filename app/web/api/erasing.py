"""All data of one repository: how much it is, and how it is deleted."""

from pydantic import Field

from app.deps import Deps
from app.handlers import erasing
from app.rights import Right
from app.web.api.operations import Given, Told, operation
from app.web.auth import Actor


class Belongings(Told):
    """How much belongs to a repository."""

    rows: dict[str, int] = Field(description="table → rows")


class Confirmed(Given):
    """That somebody means it."""

    confirm: str = Field(max_length=512, description="the repository's full name")


@operation("GET", "/repositories/{repository_id}/data", right=Right.ADMINISTER, answer=Belongings)
async def count_repository_data(deps: Deps, *, actor: Actor, repository_id: int) -> Belongings:
    """Count what `erase` would delete, also of a repository that is no longer served."""
    return Belongings(rows=await erasing.counted(deps, repository_id))


@operation("POST", "/repositories/{repository_id}/erase", right=Right.ADMINISTER, body=Confirmed)
async def erase_repository(deps: Deps, *, actor: Actor, repository_id: int, body: Confirmed) -> None:
    """Stop serving a repository and delete all that belongs to it: nobody finds it any more, and its rows go soon."""
    await erasing.begin(deps, repository_id, confirm=body.confirm, actor=actor.name)
