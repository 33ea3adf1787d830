"""Roles of users in single repositories."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import account, repository, role_grant
from app.rights import Role


async def set_(db: AsyncConnection, user_id: int, repository_id: int, role: Role, *, actor: str) -> None:
    """Give a user a role in a repository, in the place of the one that was granted before."""
    values = {"role": role, "granted_by": actor[:200], "granted_at": sa.func.now()}
    new = insert(role_grant).values(user_id=user_id, repository_id=repository_id, **values)
    await db.execute(new.on_conflict_do_update(index_elements=["user_id", "repository_id"], set_=values))


async def remove(db: AsyncConnection, user_id: int, repository_id: int) -> bool:
    """Take back what was granted; False if nothing was."""
    mine = (role_grant.c.user_id == user_id, role_grant.c.repository_id == repository_id)
    return await db.scalar(sa.delete(role_grant).where(*mine).returning(role_grant.c.id)) is not None


async def list_(
    db: AsyncConnection,
    *,
    user: str | None = None,
    repository_id: int | None = None,
    after: int = 0,
    limit: int,
) -> list[sa.RowMapping]:
    """List what was granted, by id: to one user or to all, in one repository or in all."""
    asked = (
        sa.select(
            *(role_grant.c[name] for name in ("id", "role", "granted_by", "granted_at", "repository_id")),
            account.c.name.label("user"),
            repository.c.forge,
            repository.c.full_name.label("repository"),
        )
        .join_from(role_grant, account, account.c.id == role_grant.c.user_id)
        .join(repository, repository.c.id == role_grant.c.repository_id)
        .where(role_grant.c.id > after)
    )
    for column, wanted in ((account.c.name, user), (role_grant.c.repository_id, repository_id)):
        if wanted is not None:
            asked = asked.where(column == wanted)
    return list((await db.execute(asked.order_by(role_grant.c.id).limit(limit))).mappings())
