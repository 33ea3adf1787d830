"""Users, their tokens and sessions, for admins."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from quart import Response
from sqlalchemy import RowMapping

from app.db.queries import sessions, tokens, users
from app.errors import NotFound
from app.rights import Right
from app.web import admission
from app.web.api.sessions import SessionRow
from app.web.api.tokens import TokenRow
from app.web.api.users import UserRow
from app.web.pages.account import Linked, RoleThere, belongings
from app.web.pages.answer import PAGE, answer, deps, number, page


@dataclass(frozen=True, kw_only=True)
class UsersView:
    """`/admin`."""

    items: list[UserRow]
    next: int | None
    first: bool


@dataclass(frozen=True, kw_only=True)
class UserView:
    """`/admin/users/{name}`."""

    name: str
    role: str | None
    created_at: datetime
    has_password: bool
    sessions: list[SessionRow]
    tokens: list[TokenRow]
    linked: list[Linked]
    roles: list[RoleThere]


@dataclass(frozen=True, kw_only=True)
class TokensView:
    """`/admin/tokens`."""

    items: list[TokenRow]
    next: int | None
    first: bool


@dataclass(frozen=True, kw_only=True)
class SessionsView:
    """`/admin/sessions`."""

    items: list[SessionRow]
    next: int | None
    first: bool


def at(name: str) -> str:
    """Lead to the page of a user."""
    return f"/admin/users/{quote(name, safe='')}"


@page("/admin")
async def all_users() -> Response:
    """List users."""
    await admission.insist(Right.ADMINISTER)
    after = number("after") or 0
    async with deps().begin() as db:
        rows = await users.list_(db, after=after, limit=PAGE + 1)
    items = [UserRow(**each) for each in rows[:PAGE]]
    return await answer("admin.html", UsersView(items=items, next=_next(rows), first=not after))


@page("/admin/users/<name>")
async def user(name: str) -> Response:
    """Show a user with all that belongs to it."""
    await admission.insist(Right.ADMINISTER)
    async with deps().begin() as db:
        row = await users.by_name(db, name)
    if row is None:
        raise NotFound(f"There is no user {name}.")
    own = await belongings(row["id"])
    view = UserView(
        name=row["name"],
        role=row["role"],
        created_at=row["created_at"],
        has_password=row["password_hash"] is not None,
        sessions=own.sessions,
        tokens=own.tokens,
        linked=own.linked,
        roles=own.roles,
    )
    return await answer("admin_user.html", view)


@page("/admin/tokens")
async def all_tokens() -> Response:
    """List the tokens that are valid."""
    await admission.insist(Right.ADMINISTER)
    after = number("after") or 0
    async with deps().begin() as db:
        rows = await tokens.valid(db, after=after, limit=PAGE + 1)
    items = [TokenRow(**each) for each in rows[:PAGE]]
    return await answer("admin_tokens.html", TokensView(items=items, next=_next(rows), first=not after))


@page("/admin/sessions")
async def all_sessions() -> Response:
    """List the browsers that are signed in."""
    await admission.insist(Right.ADMINISTER)
    after = number("after") or 0
    async with deps().begin() as db:
        rows = await sessions.list_(db, idle=admission.idle(deps().settings), after=after, limit=PAGE + 1)
    items = [SessionRow(**each) for each in rows[:PAGE]]
    return await answer("admin_sessions.html", SessionsView(items=items, next=_next(rows), first=not after))


def _next(rows: list[RowMapping]) -> int | None:
    return int(rows[PAGE - 1]["id"]) if len(rows) > PAGE else None
