"""What raises no alarm for a while: a benchmark, one of its metrics, or all on a type of boards."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries.outbox import seconds
from app.db.tables import mute, repository


@dataclass(frozen=True, kw_only=True)
class MuteView:
    """One mute that is not over."""

    id: int
    repository_id: int
    forge: str
    repository: str  # full name
    benchmark: str | None
    metric: str | None
    board_type: str | None
    reason: str
    said_by: str
    said_at: datetime
    until_at: datetime


@dataclass(frozen=True, kw_only=True)
class Muted:
    """What is to be muted."""

    benchmark: str | None = None
    metric: str | None = None
    board_type: str | None = None


async def add(
    db: AsyncConnection, repository_id: int, what: Muted, *, lasts_s: float, reason: str, said_by: str
) -> int:
    """Mute something for so many seconds."""
    until = sa.func.now() + seconds(lasts_s)
    new = sa.insert(mute).values(
        repository_id=repository_id, **vars(what), reason=reason, said_by=said_by, until_at=until
    )
    return int((await db.execute(new.returning(mute.c.id))).scalar_one())


async def end(db: AsyncConnection, mute_id: int) -> bool:
    """End a mute now; False if there is none that is not over."""
    change = sa.update(mute).where(mute.c.id == mute_id, mute.c.until_at > sa.func.now())
    return await db.scalar(change.values(until_at=sa.func.now()).returning(mute.c.id)) is not None


async def list_(
    db: AsyncConnection, *, repository_id: int | None = None, after: int = 0, limit: int = 50
) -> list[MuteView]:
    """List the mutes that are not over."""
    asked = sa.select(mute, repository.c.forge, repository.c.full_name.label("repository"))
    asked = asked.join_from(mute, repository, repository.c.id == mute.c.repository_id)
    asked = asked.where(mute.c.until_at > sa.func.now(), mute.c.id > after)
    if repository_id is not None:
        asked = asked.where(mute.c.repository_id == repository_id)
    return [MuteView(**row) for row in (await db.execute(asked.order_by(mute.c.id).limit(limit))).mappings()]
