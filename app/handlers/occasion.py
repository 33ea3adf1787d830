"""What a handler knows beside the event."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.db.queries import repositories
from app.deps import Deps
from integrations.forge import Forge, RepositoryFacts


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """The served repository an event is about, and the delivery that brought it.

    What is about no single repository, as an installation, has an empty one.
    """

    delivery_id: int
    forge: Forge
    repository: Mapping[Any, Any]

    @property
    def repository_id(self) -> int:
        """Give the id of our row, not the forge's."""
        return int(self.repository["id"])

    def facts(self) -> RepositoryFacts:
        """Describe the repository to the forge."""
        return facts_of(self.repository)


def facts_of(known: Any) -> RepositoryFacts:
    """Describe the repository of a row to its forge."""
    return RepositoryFacts(
        id=known["forge_id"],
        full_name=known["full_name"],
        clone_url=known["clone_url"],
        default_branch=known["default_branch"],
        private=known["private"],
        installation=known["installation_id"],
    )


async def repository_of(deps: Deps, forge: Forge, forge_id: int, name: str, *, hears: bool) -> sa.RowMapping | None:
    """Find the served repository with this numeric id, and take over the name the forge has for it now.

    Args:
        hears: a delivery of the forge spoke of it, which is noted.
    """
    async with deps.autocommit() as db:
        known = await repositories.served(db, forge.name, forge_id, hears=hears)
    if known is None or not name or name == known["full_name"]:
        return known
    old = known["full_name"]
    address = known["clone_url"].replace(f"/{old}", f"/{name}") if f"/{old}" in known["clone_url"] else None
    async with deps.begin() as db:
        await repositories.rename(db, known["id"], full_name=name, clone_url=address or known["clone_url"])
        return await repositories.get(db, known["id"])
