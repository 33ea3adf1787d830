"""Saved dispatches: by name, and in a list."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import preset

FIRST_ID = 100  # smaller ones belong to presets that are built in


@dataclass(frozen=True, kw_only=True)
class PresetView:
    """One saved dispatch."""

    id: int
    name: str
    description: str
    work: Mapping[str, Any]
    arguments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    made_by: str
    changed_at: datetime | None

    @property
    def is_built_in(self) -> bool:
        """Tell whether it came with the service."""
        return self.id < FIRST_ID


async def add(db: AsyncConnection, name: str, values: Mapping[str, Any]) -> bool:
    """Save one; False if there is one of this name."""
    new = insert(preset).values(name=name, **values).on_conflict_do_nothing(index_elements=["name"])
    return await db.scalar(new.returning(preset.c.id)) is not None


async def change(db: AsyncConnection, name: str, values: Mapping[str, Any]) -> bool:
    """Replace one; False if there is none."""
    changed = sa.update(preset).where(preset.c.name == name).values(**values, changed_at=sa.func.now())
    return await db.scalar(changed.returning(preset.c.id)) is not None


async def remove(db: AsyncConnection, name: str) -> bool:
    """Delete one; False if there is none."""
    return await db.scalar(sa.delete(preset).where(preset.c.name == name).returning(preset.c.id)) is not None


async def get(db: AsyncConnection, name: str) -> PresetView | None:
    """Read one by its name."""
    row = (await db.execute(sa.select(preset).where(preset.c.name == name))).mappings().one_or_none()
    return None if row is None else PresetView(**row)


async def list_(db: AsyncConnection, *, after: int = 0, limit: int = 50) -> list[PresetView]:
    """List those that were saved, in the order they were made."""
    wanted = sa.select(preset).where(preset.c.id > after).order_by(preset.c.id).limit(limit)
    return [PresetView(**row) for row in (await db.execute(wanted)).mappings()]
