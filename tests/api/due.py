"""What is due to whom: said once more, by the table of rights and by what belongs to which repository."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from app.db.models import SQLModel
from app.rights import IN_A_REPOSITORY, Right, Role, granted, rights_of
from tests.api.chance import Asked
from tests.pages.site import Site

OWN = ("pipeline", "series", "shift", "comparison", "bisection", "annotation", "mute", "schedule")
OF_USERS = "users"


@dataclass(frozen=True, kw_only=True)
class Who:
    """Somebody who asks."""

    name: str | None = None  # None: nobody in particular
    role: Role | None = None  # of the whole service
    grants: Mapping[int, Role] = field(default_factory=dict)  # by repository
    token: int = 0  # its number
    headers: Mapping[str, str] = field(default_factory=dict)

    def may(self, right: Right, repository: int | None = None) -> bool:
        """Say whether he has the right in the whole service, or in this repository."""
        everywhere = rights_of(self.role) if self.name else frozenset()
        return right in everywhere | granted(self.grants.get(repository or 0))

    def may_somewhere(self, right: Right) -> bool:
        """Say whether he has the right in any place."""
        return any(self.may(right, each) for each in (None, *self.grants))


@dataclass(frozen=True, kw_only=True)
class Things:
    """What there is: to which repository each thing belongs, and which repositories are private."""

    places: Mapping[tuple[str, int], int]  # ("job_id", 7) → id of a repository
    private: frozenset[int]
    named: Mapping[str, int]  # full name → id

    def place(self, asked: Asked) -> tuple[bool, int | None]:
        """Say whether the path names a thing of a repository, and which repository that is; None: no such thing."""
        for name, number in asked.parts.items():
            if name in NAMES:
                return True, self.places.get((name, number))
        return False, None

    def shows(self, who: Who, repository: int) -> bool:
        """Say whether somebody sees a repository."""
        return repository not in self.private or who.may(Right.READ, repository)


NAMES = frozenset({"repository_id", "job_id", *(f"{each}_id" for each in OWN)})


async def things(site: Site) -> Things:
    """Look at the tables, not at how the service finds its way in them."""
    table = SQLModel.metadata.tables
    places: dict[tuple[str, int], int] = {}
    async with site.deps.begin() as db:
        repositories = (await db.execute(sa.text("SELECT id, private, full_name FROM repository"))).all()
        jobs = await db.execute(
            sa.text("SELECT job.id, repository_id FROM job JOIN pipeline ON pipeline.id = pipeline_id")
        )
        places |= {("job_id", number): at for number, at in jobs}
        for name in OWN:
            found = await db.execute(sa.select(table[name].c.id, table[name].c.repository_id))
            places |= {(f"{name}_id", number): at for number, at in found}
    return Things(
        places=places | {("repository_id", each.id): each.id for each in repositories},
        private=frozenset(each.id for each in repositories if each.private),
        named={each.full_name: each.id for each in repositories},
    )


def due(asked: Asked, who: Who, there: Things) -> int | None:
    """Give the one status that is due, whatever else is asked; None: what he asks for is no matter of rights.

    Of what everybody may ask for, a wrong query is told first, be the thing there or not.
    """
    right = asked.of.right
    names_thing, place = there.place(asked)
    is_hidden = names_thing and (place is None or not there.shows(who, place))
    if right is None:
        return 404 if is_hidden else None
    if who.name is None:
        return 401
    if not who.may_somewhere(right):
        return 403
    if names_thing and right in IN_A_REPOSITORY:
        return 404 if is_hidden else None if who.may(right, place) else 403
    if not asked.of.finds_place and not who.may(right):
        return 403
    return _of_accounts(asked, who) if right is Right.ACCOUNT else None


def _of_accounts(asked: Asked, who: Who) -> int | None:
    """Everybody looks after his own account, admins after all."""
    if who.may(Right.ADMINISTER):
        return None
    if asked.of.path == "/tokens/{token_id}":
        return None if asked.parts["token_id"] == who.token else 404
    if asked.of.path == "/sessions/{session_id}":
        return 404  # nobody here has one
    return None if asked.parts.get("name", who.name) == who.name or asked.of.body else 403


def is_for_another(asked: Asked, who: Who) -> bool:
    """Say whether an account's operation names somebody else, in a place that is read after all of it was checked."""
    whose = (asked.parts.get("name"), asked.names.get("user"))
    return asked.of.right is Right.ACCOUNT and any(each not in (None, who.name) for each in whose)


def acted_in(asked: Asked, told: Any, there: Things) -> int | None:
    """Say in which repository something was done that found its place by itself; None: in none that there was."""
    named = told.get("repository") if isinstance(told, dict) else None
    return there.named.get(str(named or asked.names.get("repository")))
