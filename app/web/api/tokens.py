"""Users' API tokens."""

from datetime import datetime, timedelta
from http import HTTPStatus

from pydantic import Field

from app.db.queries import audit, tokens, users
from app.deps import Deps
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.rights import WHOLE, Right, Scope
from app.web.api.login import NewToken
from app.web.api.operations import Given, Told, operation
from app.web.api.paging import Page, Paged, page
from app.web.api.shifts import repository_named
from app.web.api.words import FullName, Name
from app.web.auth import Actor

LONGEST_DAYS = 3650


class TokenWish(Given):
    """A token to be."""

    name: Name = Field(description="what it is for")
    user: Name | None = Field(default=None, description="whose; none: the caller's own")
    days: int | None = Field(default=365, ge=1, le=LONGEST_DAYS, description="null: until it is revoked")
    rights: list[Right] | None = Field(
        default=None, min_length=1, max_length=len(Right), description="only these of its owner's; null: all"
    )
    repository: FullName | None = Field(
        default=None, description="full name: only there, and nothing of the whole service; null: everywhere"
    )


class TokenRow(Told):
    """A token, without its secret."""

    id: int
    user: str
    name: str
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None = Field(description="to the minute")
    revoked_at: datetime | None
    rights: list[str] | None = Field(description="that it is narrowed to; null: all of its owner's")
    repository: str | None = Field(description="the only one that it is for; null: all")


@operation("POST", "/tokens", right=Right.ACCOUNT, body=TokenWish, answer=NewToken, status=HTTPStatus.CREATED)
async def add_token(deps: Deps, *, actor: Actor, body: TokenWish) -> NewToken:
    """Make a token for oneself, or for anybody as an admin; its text is shown this once.

    It may never do more than its owner, whatever it is narrowed to. A narrowed token makes none that may do more or
    lives longer.

    409 if there is one of this name, 404 for an unknown user, 403 for more than one's own token may.
    """
    lifetime = None if body.days is None else timedelta(days=body.days)
    name = body.user or actor.name
    if body.user is None and actor.user_id is None:
        raise Invalid("user: say whose token; the local socket is no user.")
    if name != actor.name or actor.user_id is None:
        actor.insist(Right.ADMINISTER)
    async with deps.begin() as db:
        user = await users.by_name(db, name)
        if user is None:
            raise NotFound(f"There is no user {name}. `rigline admin create-user {name}` makes one.")
        scope = Scope(
            rights=None if body.rights is None else frozenset(body.rights),
            repository_id=await repository_named(db, body.repository) if body.repository else None,
        )
        if not scope.within(actor.scope):
            raise Forbidden("A token that is narrowed makes none that may do more: name its rights and repository.")
        until = None if actor.scope == WHOLE else actor.until
        made = await tokens.add(db, user["id"], body.name, lifetime=lifetime, scope=scope, until=until)
        if made is None:
            raise Conflict(f"{name} has a token named {body.name}; choose another name.")
        await audit.record(db, "token.created", actor=actor.name, detail=f"{name}: {body.name}{_narrowed(body)}")
    expires_in_s = None if lifetime is None else int(lifetime.total_seconds())
    return NewToken(id=made[0], token=made[1], expires_in_s=expires_in_s)


@operation("GET", "/tokens", right=Right.ACCOUNT, query=Paged, answer=Page[TokenRow])
async def list_tokens(deps: Deps, *, actor: Actor, query: Paged) -> Page[TokenRow]:
    """List tokens: one's own, or all as an admin."""
    whose = None if actor.may(Right.ADMINISTER) else actor.user_id
    async with deps.begin() as db:
        found = await tokens.list_(db, user_id=whose, after=query.cursor, limit=query.limit + 1)
    return page([TokenRow(**token) for token in found], limit=query.limit)


@operation("DELETE", "/tokens/{token_id}", right=Right.ACCOUNT)
async def revoke_token(deps: Deps, *, actor: Actor, token_id: int) -> None:
    """Revoke a token: one's own, or any as an admin. The next request with it is refused."""
    whose = None if actor.may(Right.ADMINISTER) else actor.user_id
    async with deps.begin() as db:
        if not await tokens.revoke(db, token_id, user_id=whose):
            raise NotFound(f"There is no token {token_id} of yours.")
        await audit.record(db, "token.revoked", actor=actor.name, detail=str(token_id))


def _narrowed(body: TokenWish) -> str:
    only = [*sorted(body.rights or ()), *([f"in {body.repository}"] if body.repository else [])]
    return f", only {' '.join(only)}" if only else ""
