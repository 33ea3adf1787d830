"""Links with which a user sets a password once: the row keeps the SHA-256 of the random code."""

import secrets
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries.sessions import digest
from app.db.tables import account, password_reset

CODE_BYTES = 32
LIFETIME = timedelta(hours=24)


async def add(db: AsyncConnection, user_id: int) -> str:
    """Make a code; an earlier one of the user is worth nothing from now on."""
    code = secrets.token_urlsafe(CODE_BYTES)
    row = {"code_hash": digest(code), "ends_at": sa.func.now() + LIFETIME}
    given = insert(password_reset).values(user_id=user_id, **row)
    await db.execute(given.on_conflict_do_update(index_elements=["user_id"], set_=row))
    return code


async def use(db: AsyncConnection, code: str) -> sa.RowMapping | None:
    """Take a code: it is worth nothing afterwards. Gives `user_id` and `name`; None if it is none, or was used."""
    found = sa.delete(password_reset).where(password_reset.c.code_hash == digest(code))
    user_id = await db.scalar(found.where(password_reset.c.ends_at > sa.func.now()).returning(password_reset.c.user_id))
    asked = sa.select(account.c.id.label("user_id"), account.c.name).where(account.c.id == user_id)
    return (await db.execute(asked)).mappings().one_or_none()
