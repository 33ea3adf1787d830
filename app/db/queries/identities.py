"""Accounts on forges that users sign in with."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import account, identity

_ALL: tuple[Any, ...] = tuple(
    identity.c[name] for name in ("id", "user_id", "forge", "forge_id", "login", "linked_at", "asked_at", "by_rights")
)


async def add(
    db: AsyncConnection, user_id: int, forge: str, *, forge_id: int, login: str, by_rights: bool = False
) -> int | None:
    """Link an account; None if it is somebody's, or the user has another one on this forge."""
    given = insert(identity).values(user_id=user_id, forge=forge, forge_id=forge_id, login=login, by_rights=by_rights)
    made: int | None = await db.scalar(given.on_conflict_do_nothing().returning(identity.c.id))
    return made


async def met(db: AsyncConnection, forge: str, *, forge_id: int, login: str) -> sa.RowMapping | None:
    """Find whose account this is, and keep the login that it has now: `id`, `user_id`, `name`; None: nobody's."""
    seen = sa.update(identity).where(identity.c.forge == forge, identity.c.forge_id == forge_id).values(login=login)
    found = await db.scalar(seen.returning(identity.c.id))
    asked = sa.select(*_ALL, account.c.name).join(account, account.c.id == identity.c.user_id)
    return (await db.execute(asked.where(identity.c.id == found))).mappings().one_or_none()


async def of_user(db: AsyncConnection, user_id: int) -> list[sa.RowMapping]:
    """List the accounts of a user."""
    asked = sa.select(*_ALL).where(identity.c.user_id == user_id).order_by(identity.c.forge)
    return list((await db.execute(asked)).mappings())


async def remove(db: AsyncConnection, user_id: int, forge: str) -> sa.RowMapping | None:
    """Unlink; give what was linked, None if nothing was."""
    gone = sa.delete(identity).where(identity.c.user_id == user_id, identity.c.forge == forge)
    return (await db.execute(gone.returning(*_ALL))).mappings().one_or_none()
