"""Who asks: the local socket, a user's token, or nobody in particular. Builders' tokens are no users."""

from dataclasses import dataclass

from quart import current_app, g, request

from app.db.queries import tokens
from app.db.queries.users import Role
from app.deps import Deps
from app.errors import Forbidden, Unauthorized

WAY_IN = (
    "Send `Authorization: Bearer rlu_…`. `rigline admin create-token USER` on the service's machine makes a token, "
    "POST /api/v1/login one for twelve hours; commands take it from RIGLINE_TOKEN."
)
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="rigline"'}


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Somebody who may act. The name goes into the audit."""

    name: str
    role: Role
    user_id: int | None = None  # None: who may open the local socket

    def may(self, role: Role) -> bool:
        """Say whether this actor has the right; an admin has all."""
        return self.role in (Role.ADMIN, role)

    def insist(self, role: Role) -> None:
        """Insist on the right.

        Raises:
            Forbidden: the actor's role does not cover it.
        """
        if not self.may(role):
            raise Forbidden(
                f"This needs the role {role}; {self.name} is {self.role}. An admin can do it, or give you the role."
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


async def require(role: Role) -> Actor:
    """Insist on somebody with this right.

    Raises:
        Unauthorized: nobody in particular asks; the text says how to get a token.
        Forbidden: the actor's role does not cover it.
    """
    actor = await current_actor()
    if actor is None:
        raise Unauthorized(f"This needs a token. {WAY_IN}", headers=CHALLENGE)
    actor.insist(role)
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
    return Actor(name=owner["name"], role=Role(owner["role"]), user_id=owner["user_id"])
