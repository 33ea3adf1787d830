"""Users: who may act over HTTP."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from app.db.queries import audit, users
from app.db.queries.users import Role
from app.deps import Deps
from app.errors import Conflict, NotFound
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
    role: Role = Role.MEMBER


class FirstUser(Given):
    """The first user, an admin."""

    name: UserName
    password: Password = Field(min_length=passwords.SHORTEST, max_length=passwords.LONGEST)


class NewPassword(Given):
    """A password to be."""

    password: Password = Field(min_length=passwords.SHORTEST, max_length=passwords.LONGEST)


class UserAdded(Told):
    """A user that was made."""

    id: int
    name: str
    role: Role


class UserRow(UserAdded):
    """A user, without secrets."""

    created_at: datetime
    tokens: int = Field(description="tokens that are valid now")


@operation("POST", "/users/root", role=Role.ADMIN, body=FirstUser, answer=UserAdded, status=HTTPStatus.CREATED)
async def add_root(deps: Deps, *, actor: Actor, body: FirstUser) -> UserAdded:
    """Make the first user, an admin; 409 once there is any user."""
    kept = await passwords.hashed(body.password.get_secret_value())
    async with deps.begin() as db:
        user_id = await users.add_first(db, body.name, password_hash=kept)
        if user_id is None:
            raise Conflict("There is a user already. `rigline admin create-user --role admin` makes another admin.")
        await audit.record(db, "user.created", actor=actor.name, detail=f"{body.name}, {Role.ADMIN}")
    return UserAdded(id=user_id, name=body.name, role=Role.ADMIN)


@operation("POST", "/users", role=Role.ADMIN, body=NewUser, answer=UserAdded, status=HTTPStatus.CREATED)
async def add_user(deps: Deps, *, actor: Actor, body: NewUser) -> UserAdded:
    """Make a user; 409 if the name is taken."""
    kept = await passwords.hashed(body.password.get_secret_value()) if body.password else None
    async with deps.begin() as db:
        user_id = await users.add(db, body.name, password_hash=kept, role=body.role)
        if user_id is None:
            raise Conflict(f"The name {body.name} is taken.")
        await audit.record(db, "user.created", actor=actor.name, detail=f"{body.name}, {body.role}")
    return UserAdded(id=user_id, name=body.name, role=body.role)


@operation("GET", "/users", role=Role.ADMIN, query=Paged, answer=Page[UserRow])
async def list_users(deps: Deps, *, actor: Actor, query: Paged) -> Page[UserRow]:
    """List users."""
    async with deps.begin() as db:
        found = await users.list_(db, after=query.cursor, limit=query.limit + 1)
    return page([UserRow(**user) for user in found], limit=query.limit)


@operation("PUT", "/users/{name}/password", role=Role.MEMBER, body=NewPassword)
async def set_password(deps: Deps, *, actor: Actor, name: str, body: NewPassword) -> None:
    """Replace a password: one's own, or any as an admin. Tokens stay valid; revoke them by themselves."""
    if actor.name != name or actor.user_id is None:
        actor.insist(Role.ADMIN)
    kept = await passwords.hashed(body.password.get_secret_value())
    async with deps.begin() as db:
        if not await users.set_password(db, name, kept):
            raise NotFound(f"There is no user {name}.")
        await audit.record(db, "user.password", actor=actor.name, detail=name)


@operation("DELETE", "/users/{name}", role=Role.ADMIN)
async def remove_user(deps: Deps, *, actor: Actor, name: str) -> None:
    """Delete a user and all its tokens; the last admin stays (409)."""
    async with deps.begin() as db:
        user = await users.by_name(db, name)
        if user is None:
            raise NotFound(f"There is no user {name}.")
        if user["role"] == Role.ADMIN and await users.admins(db) == 1:
            raise Conflict(f"{name} is the last admin; make another one first.")
        await users.remove(db, name)
        await audit.record(db, "user.removed", actor=actor.name, detail=name)
