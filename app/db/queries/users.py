"""People and programs that may act through the API. What their roles allow: `app.rights`."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.models import Token, User
from app.rights import Role

FIRST_USER_LOCK = 0x7269_6710  # advisory: two first users at once would both find none


async def add(db: AsyncConnection, name: str, *, password_hash: str | None, role: Role | None) -> int | None:
    """Insert a user; None if the name is taken."""
    given = insert(User).values(name=name, password_hash=password_hash, role=role)
    return await db.scalar(given.on_conflict_do_nothing(index_elements=["name"]).returning(col(User.id)))


async def add_first(db: AsyncConnection, name: str, *, password_hash: str) -> int | None:
    """Insert the first user as an admin; None if there is any user already."""
    await db.execute(sa.select(sa.func.pg_advisory_xact_lock(FIRST_USER_LOCK)))
    if await db.scalar(sa.select(sa.exists(sa.select(col(User.id))))):
        return None
    return await add(db, name, password_hash=password_hash, role=Role.ADMIN)


async def exist(db: AsyncConnection) -> bool:
    """Tell whether there is any user."""
    return bool(await db.scalar(sa.select(sa.exists(sa.select(col(User.id))))))


async def name_of(db: AsyncConnection, user_id: int) -> str | None:
    """Give the name of a user, if there still is such a one."""
    found: str | None = await db.scalar(sa.select(col(User.name)).where(col(User.id) == user_id))
    return found


async def by_name(db: AsyncConnection, name: str) -> sa.RowMapping | None:
    """Read one user with the hash of the password."""
    found = await db.execute(sa.select(User.__table__).where(col(User.name) == name))  # type: ignore[attr-defined]
    return found.mappings().one_or_none()


async def list_(db: AsyncConnection, *, after: int, limit: int) -> list[sa.RowMapping]:
    """List users by id, each with the number of its valid tokens; never a hash."""
    valid = (
        sa.select(sa.func.count())
        .where(col(Token.user_id) == col(User.id), col(Token.revoked_at).is_(None))
        .where(col(Token.expires_at).is_(None) | (col(Token.expires_at) > sa.func.now()))
        .scalar_subquery()
    )
    asked = (
        sa.select(col(User.id), col(User.name), col(User.role), col(User.created_at), valid.label("tokens"))
        .where(col(User.id) > after)
        .order_by(col(User.id))
        .limit(limit)
    )
    return list((await db.execute(asked)).mappings())


async def remove(db: AsyncConnection, name: str) -> bool:
    """Delete a user and its tokens; False if there is none. What it did stays in the audit."""
    user_id = sa.select(col(User.id)).where(col(User.name) == name).scalar_subquery()
    await db.execute(sa.delete(Token).where(col(Token.user_id) == user_id))
    gone = await db.execute(sa.delete(User).where(col(User.name) == name).returning(col(User.id)))
    return gone.scalar() is not None


async def admins(db: AsyncConnection) -> int:
    """Count the admins, and keep others from changing who is one until the transaction ends."""
    found = await db.scalars(sa.select(col(User.id)).where(col(User.role) == Role.ADMIN).with_for_update())
    return len(list(found))


async def set_role(db: AsyncConnection, name: str, role: Role | None) -> None:
    """Replace the role in the whole service."""
    await db.execute(sa.update(User).where(col(User.name) == name).values(role=role))


async def set_password(db: AsyncConnection, name: str, password_hash: str) -> bool:
    """Replace the password; False if there is no such user."""
    change = sa.update(User).where(col(User.name) == name).values(password_hash=password_hash)
    return await db.scalar(change.returning(col(User.id))) is not None
