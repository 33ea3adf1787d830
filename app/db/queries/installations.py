"""Installations of our App: which accounts have it, and which repositories it covers."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import installation, repository


async def note(db: AsyncConnection, forge: str, forge_id: int, account: str, **values: Any) -> None:
    """Write down how an installation is now.

    Args:
        values: `suspended_at` and `deleted_at`, or neither.
    """
    known = {"account": account[:200], **values}
    new = insert(installation).values(forge=forge, forge_id=forge_id, **known)
    await db.execute(new.on_conflict_do_update(index_elements=["forge", "forge_id"], set_=known))


async def cover(db: AsyncConnection, forge: str, forge_id: int, repositories: Sequence[int]) -> int:
    """Say that an installation gives access to repositories, by their forge's ids; return how many we serve."""
    return await _set(db, forge, forge_id, repository.c.forge_id.in_(repositories))


async def uncover(db: AsyncConnection, forge: str, forge_id: int, repositories: Sequence[int] | None = None) -> int:
    """Say that it gives access no longer: to some repositories, or to any."""
    which = repository.c.installation_id == forge_id
    if repositories is not None:
        which &= repository.c.forge_id.in_(repositories)
    return await _set(db, forge, None, which)


async def _set(db: AsyncConnection, forge: str, value: int | None, which: sa.ColumnElement[bool]) -> int:
    change = sa.update(repository).where(repository.c.forge == forge, which).values(installation_id=value)
    return (await db.execute(change)).rowcount


async def get(db: AsyncConnection, forge: str, forge_id: int) -> sa.RowMapping | None:
    """Read one installation by the forge's number."""
    same = (installation.c.forge == forge, installation.c.forge_id == forge_id)
    return (await db.execute(sa.select(installation).where(*same))).mappings().one_or_none()


async def list_(db: AsyncConnection, limit: int = 200) -> list[sa.RowMapping]:
    """List the installations that were not removed."""
    asked = sa.select(installation).where(installation.c.deleted_at.is_(None)).order_by(installation.c.id).limit(limit)
    return list((await db.execute(asked)).mappings())
