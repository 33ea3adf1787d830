"""Users: who may act over HTTP."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

import sqlalchemy as sa
from pydantic import AfterValidator, Field, SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from app import first_visit
from app.db.queries import audit, sessions, users
from app.deps import Deps
from app.errors import Conflict, Invalid, NotFound
from app.rights import Right, Role
from app.web import passwords
from app.web.api.operations import Given, Told, operation
from app.web.api.paging import Page, Paged, page
from app.web.api.words import Name
from app.web.auth import Actor

RESERVED = {"local", "service"}  # the audit means others by these


def _not_reserved(name: str) -> str:
    if name in RESERVED:
        raise ValueError(f"must not be {name}: the audit means somebody else by it")
    return name


Password = SecretStr
UserName = Annotated[Name, AfterValidator(_not_reserved)]


class NewUser(Given):
    """A user to be."""

    name: UserName
    password: Password | None = Field(
        default=None,
        min_length=passwords.SHORTEST,
        max_length=passwords.LONGEST,
        description="none: this user only has tokens",
    )
    role: Role | None = Field(
        default=Role.COMMITTER,
        description="of the whole service; null: only what is granted in single repositories",
    )


class FirstUser(Given):
    """The first user, an admin."""

    name: UserName
    password: Password = Field(min_length=passwords.SHORTEST, max_length=passwords.LONGEST)


class NewPassword(Given):
    """A password to be."""

    password: Password = Field(min_length=passwords.SHORTEST, max_length=passwords.LONGEST)


class NewRole(Given):
    """A role to be."""

    role: Role | None = Field(description="of the whole service; null: only what is granted in single repositories")


class UserAdded(Told):
    """A user that was made."""

    id: int
    name: str
    role: Role | None = Field(description="of the whole service; null: only what is granted")


class UserRow(UserAdded):
    """A user, without secrets."""

    created_at: datetime
    tokens: int = Field(description="tokens that are valid now")


@operation("POST", "/users/root", right=Right.ADMINISTER, body=FirstUser, answer=UserAdded, status=HTTPStatus.CREATED)
async def add_root(deps: Deps, *, actor: Actor, body: FirstUser) -> UserAdded:
    """Make the first user, an admin; 409 once there is any user."""
    kept = await passwords.hashed(body.password.get_secret_value())
    async with deps.begin() as db:
        user_id = await users.add_first(db, body.name, password_hash=kept)
        if user_id is None:
            raise Conflict("There is a user already. `rigline admin create-user --role admin` makes another admin.")
        await audit.record(db, "user.created", actor=actor.name, detail=f"{body.name}, {Role.ADMIN}")
    first_visit.forget(deps.settings.data_dir)
    return UserAdded(id=user_id, name=body.name, role=Role.ADMIN)


@operation("POST", "/users", right=Right.ADMINISTER, body=NewUser, answer=UserAdded, status=HTTPStatus.CREATED)
async def add_user(deps: Deps, *, actor: Actor, body: NewUser) -> UserAdded:
    """Make a user; 409 if the name is taken."""
    kept = await passwords.hashed(body.password.get_secret_value()) if body.password else None
    async with deps.begin() as db:
        user_id = await users.add(db, body.name, password_hash=kept, role=body.role)
        if user_id is None:
            raise Conflict(f"The name {body.name} is taken.")
        await audit.record(db, "user.created", actor=actor.name, detail=f"{body.name}, {body.role or 'no role'}")
    return UserAdded(id=user_id, name=body.name, role=body.role)


@operation("GET", "/users", right=Right.ADMINISTER, query=Paged, answer=Page[UserRow])
async def list_users(deps: Deps, *, actor: Actor, query: Paged) -> Page[UserRow]:
    """List users."""
    async with deps.begin() as db:
        found = await users.list_(db, after=query.cursor, limit=query.limit + 1)
    return page([UserRow(**user) for user in found], limit=query.limit)


@operation("PUT", "/users/{name}/password", right=Right.ACCOUNT, body=NewPassword)
async def set_password(deps: Deps, *, actor: Actor, name: str, body: NewPassword) -> None:
    """Replace a password: one's own, or any as an admin. All sessions of the user end; tokens stay valid."""
    if actor.name != name or actor.user_id is None:
        actor.insist(Right.ADMINISTER)
    kept = await passwords.hashed(body.password.get_secret_value())
    async with deps.begin() as db:
        if not await users.set_password(db, name, kept):
            raise NotFound(f"There is no user {name}.")
        await sessions.revoke_all(db, (await _found(db, name))["id"])
        await audit.record(db, "user.password", actor=actor.name, detail=name)


@operation("PUT", "/users/{name}/role", right=Right.ADMINISTER, body=NewRole)
async def set_role(deps: Deps, *, actor: Actor, name: str, body: NewRole) -> None:
    """Give a user another role in the whole service; the last admin stays one (409). It counts at once."""
    async with deps.begin() as db:
        before = await _found(db, name)
        if before["role"] == Role.ADMIN != body.role and await users.admins(db) == 1:
            raise Conflict(f"{name} is the last admin; make another one first.")
        await users.set_role(db, name, body.role)
        await audit.record(db, "user.role", actor=actor.name, detail=f"{name}, {body.role or 'no role'}")


@operation("DELETE", "/users/{name}", right=Right.ADMINISTER)
async def remove_user(deps: Deps, *, actor: Actor, name: str) -> None:
    """Delete a user with its tokens and sessions; the last admin stays (409)."""
    async with deps.begin() as db:
        user = await _found(db, name)
        if user["role"] == Role.ADMIN and await users.admins(db) == 1:
            raise Conflict(f"{name} is the last admin; make another one first.")
        await users.remove(db, name)
        await audit.record(db, "user.removed", actor=actor.name, detail=name)


async def _found(db: AsyncConnection, name: str) -> sa.RowMapping:
    user = await users.by_name(db, name)
    if user is None:
        raise NotFound(f"There is no user {name}.")
    return user


def read_role(written: str) -> Role | None:
    """Read a role of a form, where `none` is an account that has only what is granted.

    Raises:
        Invalid: there is no such role.
    """
    if written == "none":
        return None
    if written not in set(Role):
        raise Invalid(f"role: there is no role {written!r}.")
    return Role(written)
