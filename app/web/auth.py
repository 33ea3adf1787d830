"""Who asks: the local socket, a user's token, or nobody in particular. Builders' tokens are no users."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from quart import current_app, g, request
from sqlalchemy import RowMapping

from app.db.queries import tokens
from app.deps import Deps
from app.errors import Forbidden, Unauthorized
from app.rights import Right, Role, granted, rights_of, roles_with

WAY_IN = (
    "Send `Authorization: Bearer rlu_…`. `rigline admin create-token USER` on the service's machine makes a token, "
    "POST /api/v1/login one for twelve hours; commands take it from RIGLINE_TOKEN."
)
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="rigline"'}


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Somebody who may act. The name goes into the audit."""

    name: str
    role: Role | None  # of the whole service; None: only what was granted in single repositories
    user_id: int | None = None  # None: who may open the local socket
    grants: Mapping[int, Role] = field(default_factory=dict)  # repository id → role there

    def may(self, right: Right, repository_id: int | None = None) -> bool:
        """Say whether this actor has the right: everywhere, or at least in the repository that is named."""
        here = None if repository_id is None else self.grants.get(repository_id)
        return right in rights_of(self.role) | granted(here)

    def insist(self, right: Right, repository_id: int | None = None) -> None:
        """Insist on the right: everywhere, or at least in the repository that is named.

        Raises:
            Forbidden: neither the actor's role nor a grant covers it.
        """
        if not self.may(right, repository_id):
            raise Forbidden(
                f"This needs the right {right}, which comes with the role {' or '.join(roles_with(right))}; "
                f"{self.name} is {self.role or 'without a role'}. An admin can give you the role."
            )


LOCAL = Actor(name="local", role=Role.ADMIN)


async def current_actor() -> Actor | None:
    """Find who sent this request; None if nobody in particular. Asks the database once per request.

    Raises:
        Unauthorized: credentials were sent, but they are malformed, unknown, expired or revoked.
    """
    if "actor" not in g:
        g.actor = await _found()
    found: Actor | None = g.actor
    return found


async def require(right: Right) -> Actor:
    """Insist on somebody with this right.

    Raises:
        Unauthorized: nobody in particular asks; the text says how to get a token.
        Forbidden: the actor's role does not cover it.
    """
    actor = await current_actor()
    if actor is None:
        raise Unauthorized(f"This needs a token. {WAY_IN}", headers=CHALLENGE)
    actor.insist(right)
    return actor


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
    return known(owner)


def known(account: RowMapping) -> Actor:
    """Make the actor of a row that has the account's `user_id`, `name` and `role`."""
    return Actor(name=account["name"], role=account["role"], user_id=account["user_id"])
