"""Roles in single repositories that follow from the forge's rights: replaced as a whole by each answer of a forge."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import forge_role, identity, repository, session, token
from app.rights import Role

MOST = 200  # repositories of a forge that are asked about
KEPT = timedelta(days=1)  # what a forge has not confirmed for so long counts no more


async def served(db: AsyncConnection, forge: str) -> list[sa.RowMapping]:
    """List the repositories of a forge that are served, those that were heard of last first."""
    asked = sa.select(repository).where(repository.c.forge == forge, repository.c.removed_at.is_(None))
    newest = repository.c.heard_at.desc().nulls_last()
    return list((await db.execute(asked.order_by(newest, repository.c.id).limit(MOST))).mappings())


async def replace(db: AsyncConnection, user_id: int, forge: str, roles: Mapping[int, Role]) -> None:
    """Keep what a forge says now of a user: repository id → role."""
    of_forge = sa.select(repository.c.id).where(repository.c.forge == forge)
    mine = sa.delete(forge_role).where(forge_role.c.user_id == user_id)
    await db.execute(mine.where(forge_role.c.repository_id.in_(of_forge)))
    rows = [{"user_id": user_id, "repository_id": number, "role": role} for number, role in sorted(roles.items())]
    if rows:
        await db.execute(sa.insert(forge_role), rows)


async def due(db: AsyncConnection, *, every: timedelta, limit: int) -> list[sa.RowMapping]:
    """Claim accounts whose users did something since the forge was asked, and that was long enough ago."""
    since = sa.func.coalesce(identity.c.asked_at, sa.literal("-infinity").cast(sa.DateTime(timezone=True)))
    acted = [
        sa.exists(sa.select(each.c.id).where(each.c.user_id == identity.c.user_id, each.c.used_at > since))
        for each in (session, token)
    ]
    ids = sa.select(identity.c.id).where(since < sa.func.now() - every, sa.or_(*acted)).order_by(since).limit(limit)
    claim = sa.update(identity).where(identity.c.id.in_(ids.with_for_update(skip_locked=True)))
    columns: tuple[Any, ...] = (identity.c.user_id, identity.c.forge, identity.c.forge_id, identity.c.login)
    claimed = claim.values(asked_at=sa.func.now()).returning(*columns, identity.c.by_rights)
    return list((await db.execute(claimed)).mappings())


async def asked_now(db: AsyncConnection, user_id: int, forge: str) -> None:
    """Note that the forge was asked about a user."""
    mine = (identity.c.user_id == user_id, identity.c.forge == forge)
    await db.execute(sa.update(identity).where(*mine).values(asked_at=sa.func.now()))


async def forget_old(db: AsyncConnection, *, all_: bool = False) -> None:
    """Delete what no forge has confirmed for a day; or everything."""
    old = sa.true() if all_ else forge_role.c.confirmed_at < sa.func.now() - KEPT
    await db.execute(sa.delete(forge_role).where(old))
