"""Who asks, and what he may: the local socket, a user's token, or nobody in particular. Builders' tokens are no users.

What a request sees follows from who sends it (`app.db.sight`). A right is asked for everywhere, or in one repository;
whoever has it acts, and what he acts with is not narrowed any more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from quart import current_app, g, request
from sqlalchemy import RowMapping

from app.db import sight
from app.db.origin import SOCKET
from app.db.queries import tokens, whose
from app.db.sight import Sight
from app.deps import Deps
from app.errors import Forbidden, NotFound, Unauthorized
from app.rights import IN_A_REPOSITORY, WHOLE, Right, Role, Scope, granted, rights_of, roles_with

WAY_IN = (
    "Send `Authorization: Bearer rlu_…`. `rigline admin create-token USER` on the service's machine makes a token, "
    "POST /api/v1/login one for twelve hours; commands take it from RIGLINE_TOKEN."
)
READING = ("GET", "HEAD")
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="rigline"'}


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Somebody who may act. The name goes into the audit."""

    name: str
    role: Role | None  # of the whole service; None: only what was granted in single repositories
    user_id: int | None = None  # None: who may open the local socket
    grants: Mapping[int, Role] = field(default_factory=dict)  # repository id → role there
    scope: Scope = WHOLE  # what the token is narrowed to
    means: str = ""  # what said who it is, for the audit
    until: datetime | None = None  # when that ends; None: not by itself

    def may(self, right: Right, repository_id: int | None = None) -> bool:
        """Say whether this actor has the right: everywhere, or at least in the repository that is named."""
        here = None if repository_id is None else self.grants.get(repository_id)
        return right in rights_of(self.role) | granted(here) and self.scope.covers(right, repository_id)

    def may_somewhere(self, right: Right) -> bool:
        """Say whether this actor has the right anywhere."""
        return self.may(right) or any(self.may(right, each) for each in self._places)

    def sight(self, *, public: bool) -> Sight | None:
        """Say what this actor sees: everything (None), or what is public, if anything is, and what was granted."""
        if self.may(Right.READ):
            return None
        mine = frozenset(each for each in self._places if self.may(Right.READ, each))
        return Sight(public=public, repositories=mine)

    @property
    def _places(self) -> set[int]:
        only = self.scope.repository_id
        return {*self.grants, *([] if only is None else [only])}

    def insist(self, right: Right, repository_id: int | None = None) -> None:
        """Insist on the right: everywhere, or at least in the repository that is named.

        Raises:
            Forbidden: neither the actor's role nor a grant covers it, or the token is narrowed to other things.
        """
        if not self.may(right, repository_id):
            raise self.refused(right)

    def refused(self, right: Right) -> Forbidden:
        """Say that a right is missing, and how to get it."""
        narrow = "" if self.scope == WHOLE else " The token is narrowed; another one may do."
        return Forbidden(
            f"This needs the right {right}, which comes with the role {' or '.join(roles_with(right))}; "
            f"{self.name} is {self.role or 'without a role'} here. An admin can give you the role.{narrow}"
        )


LOCAL = Actor(name="local", role=Role.ADMIN, means=SOCKET)


async def current_actor() -> Actor | None:
    """Find who sent this request; None if nobody in particular. Asks the database once per request.

    Raises:
        Unauthorized: credentials were sent, but they are malformed, unknown, expired or revoked.
    """
    if "actor" not in g:
        g.actor = await _found()
    found: Actor | None = g.actor
    return found


async def require(right: Right, named: Mapping[str, Any], *, anywhere: bool = False) -> Actor:
    """Insist on somebody with this right, in the repository of what is named, such as by `job_id`.

    Args:
        anywhere: where nothing is named, it suffices to have the right in some repository; the caller has to `act_in`
            the one that it finds, or shows what can be seen.

    Raises:
        Unauthorized: nobody in particular asks; the text says how to get a token.
        Forbidden: neither the actor's role nor a grant covers it.
        NotFound: there is no such thing, or the actor may not know of it.
    """
    actor = await current_actor()
    if actor is None:
        raise Unauthorized(f"This needs a token. {WAY_IN}", headers=CHALLENGE)
    await check(actor, right, named, anywhere=anywhere)
    return actor


async def check(actor: Actor, right: Right, named: Mapping[str, Any], *, anywhere: bool = False) -> None:
    """Insist that somebody has a right in the repository of what is named; who has it acts from now on.

    Raises:
        Forbidden, NotFound: as `require` says.
    """
    if not actor.may_somewhere(right):
        raise actor.refused(right)
    things = [name for name in named if name in whose.THINGS]
    if things and right in IN_A_REPOSITORY:
        act_in(actor, right, await _whose(things[0], named[things[0]]))
    elif not anywhere:
        actor.insist(right)
        if right is not Right.READ:
            sight.narrow(None)


def act_in(actor: Actor, right: Right, repository_id: int) -> None:
    """Insist on a right in a repository that the actor can see; from here on nothing is hidden from what he does.

    Raises:
        Forbidden: neither the actor's role nor a grant covers it.
    """
    actor.insist(right, repository_id)
    if request.method not in READING:
        sight.narrow(None)


async def _whose(name: str, number: int) -> int:
    deps: Deps = current_app.extensions["deps"]
    async with deps.begin() as db:
        found = await whose.repository_of(db, name, number)
    if found is None:
        raise NotFound(f"There is no {name.removesuffix('_id').replace('shift', 'alert')} {number}.")
    return found


async def _found() -> Actor | None:
    # Only the server on the Unix socket sets this; no header can.
    if request.scope.get("rigline.local") is True:  # type: ignore[attr-defined, unused-ignore]
        return LOCAL
    header = request.headers.get("Authorization")
    return None if header is None else await _bearer(header)


async def _bearer(header: str) -> Actor:
    scheme, _, text = header.partition(" ")
    return await with_token(text if scheme.lower() == "bearer" else "")


async def with_token(text: str) -> Actor:
    """Find whose token this is.

    Raises:
        Unauthorized: it is malformed, unknown, expired or revoked.
    """
    if not text.strip().startswith(tokens.PREFIX):
        raise Unauthorized(f"These are not a user's credentials. {WAY_IN}", headers=CHALLENGE)
    deps: Deps = current_app.extensions["deps"]
    async with deps.begin() as db:
        owner = await tokens.owner(db, text.strip())
    if owner is None:
        raise Unauthorized(f"This token is unknown, expired or revoked. {WAY_IN}", headers=CHALLENGE)
    return known(owner, f"token {owner['id']} {owner['token']}")


def known(account: RowMapping, means: str) -> Actor:
    """Make the actor of a row as `tokens.owner` and `sessions.find` give it.

    Args:
        means: what said who it is, for the audit.
    """
    rights = account["rights"]
    narrowed = None if rights is None else frozenset(Right(each) for each in rights if each in set(Right))
    return Actor(
        name=account["name"],
        role=account["role"],
        user_id=account["user_id"],
        grants={int(number): Role(role) for number, role in (account["grants"] or {}).items()},
        scope=Scope(rights=narrowed, repository_id=account["repository_id"]),
        means=means,
        until=account["until"],
    )
