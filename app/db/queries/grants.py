"""Roles of users in single repositories: what admins granted, and to read them also what follows from forges."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import account, forge_role, repository, role_grant
from app.rights import Role

FORGE, GRANT = "forge", "grant"  # by what somebody has a role
_BITS = 32  # of a user's id and of a repository's


def _of(
    table: sa.Table, by: str, said_by: sa.ColumnElement[str], said_at: sa.ColumnElement[sa.DateTime]
) -> sa.Select[Any]:
    """Read the roles of one kind; their ids are places in the list of both."""
    whose, where = (sa.cast(table.c[name], sa.BigInteger) for name in ("user_id", "repository_id"))
    place = whose * 2**_BITS + where * 2 + (FORGE, GRANT).index(by)
    return sa.select(
        place.label("id"),
        table.c.user_id,
        table.c.repository_id,
        sa.cast(table.c.role, sa.Text).label("role"),
        sa.literal(by).label("by"),
        said_by.label("granted_by"),
        said_at.label("granted_at"),
    )


_granted = _of(role_grant, GRANT, role_grant.c.granted_by, role_grant.c.granted_at)
_followed = _of(forge_role, FORGE, sa.literal(""), forge_role.c.confirmed_at)
_all = sa.union_all(_granted, _followed).subquery("roles")
_has_grant = sa.exists(
    sa.select(role_grant.c.id)
    .where(role_grant.c.user_id == _all.c.user_id, role_grant.c.repository_id == _all.c.repository_id)
    .correlate(_all)
)


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
    user_id: int | None = None,
    repository_id: int | None = None,
    after: int = 0,
    limit: int,
) -> list[sa.RowMapping]:
    """List roles in single repositories, by user and repository: of one user or of all, in one or in all.

    `by` says whether an admin granted it or it follows from the forge, `counts` whether it does: not beside a grant.
    """
    names = ("id", "role", "repository_id", "by", "granted_at")
    asked = (
        sa.select(
            *(_all.c[name] for name in names),
            sa.case((_all.c.by == FORGE, repository.c.forge), else_=_all.c.granted_by).label("granted_by"),
            ((_all.c.by == GRANT) | ~_has_grant).label("counts"),
            account.c.name.label("user"),
            repository.c.forge,
            repository.c.full_name.label("repository"),
        )
        .join_from(_all, account, account.c.id == _all.c.user_id)
        .join(repository, repository.c.id == _all.c.repository_id)
        .where(_all.c.id > after)
    )
    wanted = ((account.c.name, user), (_all.c.user_id, user_id), (_all.c.repository_id, repository_id))
    asked = asked.where(*(column == value for column, value in wanted if value is not None))
    return list((await db.execute(asked.order_by(_all.c.id).limit(limit))).mappings())
