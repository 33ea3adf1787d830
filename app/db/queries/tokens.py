"""API tokens of users: `rlu_<id>.<secret>`. Only the SHA-256 of the random secret is kept."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSON, aggregate_order_by, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.models import Token, User
from app.db.tables import account, forge_role, repository, role_grant, token
from app.rights import WHOLE, Scope

PREFIX = "rlu_"
SECRET_BYTES = 32
TOUCH_EVERY = timedelta(minutes=1)  # a write for every request would be a waste
LOGIN = "login "  # how the names of tokens made by a login start

_FOREIGN, _OWN_GRANT = 0, 1  # in this order: what an admin granted counts in place of what follows from the forge
_both = sa.union_all(
    sa.select(
        forge_role.c.repository_id, sa.cast(forge_role.c.role, sa.Text).label("role"), sa.literal(_FOREIGN).label("by")
    )
    .where(forge_role.c.user_id == account.c.id)
    .correlate(account),
    sa.select(role_grant.c.repository_id, sa.cast(role_grant.c.role, sa.Text), sa.literal(_OWN_GRANT))
    .where(role_grant.c.user_id == account.c.id)
    .correlate(account),
).subquery()
GRANTS: sa.Label[Any] = (  # of an account that is asked for: repository id as text → role, or None; the last one counts
    sa.select(sa.func.json_object_agg(_both.c.repository_id, aggregate_order_by(_both.c.role, _both.c.by), type_=JSON))
    .correlate(account)
    .scalar_subquery()
    .label("grants")
)
_OWN = ("id", "token_hash", "user_id", "rights", "repository_id")
_OWNED: tuple[Any, ...] = (
    *(token.c[name] for name in _OWN),
    token.c.name.label("token"),
    token.c.expires_at.label("until"),
    account.c.name,
    account.c.role,
    GRANTS,
)
_SHOWN: tuple[Any, ...] = (
    *(token.c[name] for name in ("id", "name", "created_at", "expires_at", "used_at", "revoked_at", "rights")),
    account.c.name.label("user"),
    sa.select(repository.c.full_name)
    .where(repository.c.id == token.c.repository_id)
    .correlate(token)
    .scalar_subquery()
    .label("repository"),
)


async def add(
    db: AsyncConnection,
    user_id: int,
    name: str,
    *,
    lifetime: timedelta | None,
    scope: Scope = WHOLE,
    until: datetime | None = None,
) -> tuple[int, str] | None:
    """Make a token; return its id and its text, which nobody can read again. None if the name is taken.

    Args:
        until: it ends then at the latest.
    """
    secret = secrets.token_urlsafe(SECRET_BYTES)
    ends = None if lifetime is None else sa.func.now() + lifetime
    given = insert(Token).values(
        user_id=user_id,
        name=name,
        token_hash=_digest(secret),
        expires_at=sa.func.least(ends, until) if until else ends,  # NULL counts for nothing there
        rights=None if scope.rights is None else sorted(scope.rights),
        repository_id=scope.repository_id,
    )
    given = given.on_conflict_do_nothing(index_elements=["user_id", "name"])
    token_id = await db.scalar(given.returning(col(Token.id)))
    return None if token_id is None else (token_id, f"{PREFIX}{token_id}.{secret}")


async def owner(db: AsyncConnection, text: str) -> sa.RowMapping | None:
    """Find whose valid token this is, and what it is narrowed to; None for any other text.

    Returns:
        `id`, `token` (its name), `until`, `rights`, `repository_id` of the token; `user_id`, `name`, `role`,
        `grants` (repository id as text → role, or None) of its owner.
    """
    token_id, secret = _parts(text)
    asked = (
        sa.select(*_OWNED, _stale("stale"))
        .join(User, col(User.id) == col(Token.user_id))
        .where(col(Token.id) == token_id, col(Token.revoked_at).is_(None))
        .where(col(Token.expires_at).is_(None) | (col(Token.expires_at) > sa.func.now()))
    )
    found: sa.RowMapping | None = (await db.execute(asked)).mappings().one_or_none()
    kept = b"" if found is None else found["token_hash"]
    if not secrets.compare_digest(_digest(secret), kept) or found is None:
        return None
    if found["stale"]:
        await db.execute(sa.update(Token).where(col(Token.id) == token_id).values(used_at=sa.func.now()))
    return found


async def list_(db: AsyncConnection, *, user_id: int | None, after: int, limit: int) -> list[sa.RowMapping]:
    """List tokens by id, of one user or of all; never a hash."""
    asked = (
        sa.select(*_SHOWN)
        .join(User, col(User.id) == col(Token.user_id))
        .where(col(Token.id) > after)
        .order_by(col(Token.id))
        .limit(limit)
    )
    if user_id is not None:
        asked = asked.where(col(Token.user_id) == user_id)
    return list((await db.execute(asked)).mappings())


async def valid(db: AsyncConnection, *, user_id: int | None = None, after: int = 0, limit: int) -> list[sa.RowMapping]:
    """List the tokens that let somebody in now, by id, of one user or of all; never a hash."""
    asked = (
        sa.select(*_SHOWN)
        .join(User, col(User.id) == col(Token.user_id))
        .where(col(Token.id) > after, col(Token.revoked_at).is_(None))
        .where(col(Token.expires_at).is_(None) | (col(Token.expires_at) > sa.func.now()))
        .order_by(col(Token.id))
        .limit(limit)
    )
    if user_id is not None:
        asked = asked.where(col(Token.user_id) == user_id)
    return list((await db.execute(asked)).mappings())


async def revoke(db: AsyncConnection, token_id: int, *, user_id: int | None) -> bool:
    """Make a token worthless at once; False if there is none (of this user)."""
    change = sa.update(Token).where(col(Token.id) == token_id)
    if user_id is not None:
        change = change.where(col(Token.user_id) == user_id)
    change = change.values(revoked_at=sa.func.coalesce(col(Token.revoked_at), sa.func.now()))
    return await db.scalar(change.returning(col(Token.id))) is not None


async def forget_old_logins(db: AsyncConnection, user_id: int) -> None:
    """Delete the tokens of this user's logins that ran out, so that logging in leaves no pile."""
    await db.execute(
        sa.delete(Token)
        .where(col(Token.user_id) == user_id, col(Token.name).startswith(LOGIN))
        .where(col(Token.expires_at) < sa.func.now())
    )


def _parts(text: str) -> tuple[int, str]:
    """Take a token apart; an id that no row has, if it is none."""
    number, _, secret = text.removeprefix(PREFIX).partition(".")
    well_formed = text.startswith(PREFIX) and number.isascii() and number.isdigit() and len(number) < 10
    return (int(number) if well_formed else 0), secret


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _stale(name: str) -> sa.Label[bool]:
    last = sa.func.coalesce(col(Token.used_at), sa.literal("-infinity").cast(sa.DateTime(timezone=True)))
    return (last < sa.func.now() - TOUCH_EVERY).label(name)
