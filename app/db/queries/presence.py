"""Whether builders can be heard: one row that web processes keep fresh. Nobody is lost whom we could not hear."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries.attempts import interval
from app.db.tables import service
from builders.protocol import LEASE_S

NOTE_S = 5.0  # how often a web process says that it listens
AWAY_S = 15.0  # when nobody has said so for so long, the service is away: leases outlast a shorter silence
GRACE_S = LEASE_S  # so long builders have to speak again, once it is back

now = sa.func.now()
_was_away = service.c.heard_at < now - interval(AWAY_S)
_note = (
    insert(service)
    .values(id=1, heard_at=now)
    .on_conflict_do_update(
        index_elements=["id"],
        set_={"back_at": sa.case((_was_away, now), else_=service.c.back_at), "heard_at": now},
    )
)
_is_away = sa.select(1).where(sa.or_(_was_away, service.c.back_at > now - interval(GRACE_S))).select_from(service)


async def note(db: AsyncConnection) -> None:
    """Say that a web process listens, and that the service is back if none did for a while."""
    await db.execute(_note)


async def is_heard(db: AsyncConnection) -> bool:
    """Tell whether who did not speak could have: web and database are there, and have been for a lease."""
    return await db.scalar(_is_away) is None
