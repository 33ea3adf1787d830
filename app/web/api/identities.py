"""Accounts on forges with which users sign in."""

from datetime import datetime
from http import HTTPStatus
from typing import Literal

from pydantic import Field

from app.db.queries import identities
from app.deps import Deps
from app.rights import Right
from app.web import signing_in
from app.web.api.operations import Given, Told, operation
from app.web.api.paging import Page
from app.web.api.words import Word
from app.web.auth import Actor


class NewIdentity(Given):
    """An account to link."""

    forge: Literal["github", "gitlab"]
    login: Word = Field(description="that the account has now; from then on its number counts")


class IdentityTold(Told):
    """An account on a forge that signs a user in."""

    forge: str
    forge_id: int = Field(description="the account's number on the forge: this counts")
    login: str = Field(description="as it was at the last sign-in")
    linked_at: datetime


@operation("GET", "/users/{name}/identities", right=Right.ACCOUNT, answer=Page[IdentityTold])
async def list_identities(deps: Deps, *, actor: Actor, name: str) -> Page[IdentityTold]:
    """List the accounts on forges that sign a user in: one's own, or anybody's as an admin."""
    if name != actor.name:
        actor.insist(Right.ADMINISTER)
    user_id = await signing_in.user_named(deps, name)
    async with deps.begin() as db:
        found = await identities.of_user(db, user_id)
    return Page(items=[IdentityTold.model_validate(dict(each)) for each in found], next=None)


@operation(
    "POST",
    "/users/{name}/identities",
    right=Right.ADMINISTER,
    body=NewIdentity,
    answer=Page[IdentityTold],
    status=HTTPStatus.CREATED,
)
async def link_identity(deps: Deps, *, actor: Actor, name: str, body: NewIdentity) -> Page[IdentityTold]:
    """Let a user sign in with an account on a forge; 409 if it is somebody's, 503 if the forge cannot be asked."""
    await signing_in.link_by_login(deps, name, body.forge, body.login, actor=actor.name)
    return await list_identities(deps, actor=actor, name=name)


@operation("DELETE", "/users/{name}/identities/{forge}", right=Right.ADMINISTER)
async def unlink_identity(deps: Deps, *, actor: Actor, name: str, forge: str) -> None:
    """Let a user sign in with an account on this forge no more; sessions that began with it end."""
    await signing_in.unlink(deps, await signing_in.user_named(deps, name), name, forge, actor=actor.name)
