"""Alerts: what a person has to look at. The same thing is one open alert that counts how often it was said."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import alert, repository

STATUS_REFUSED = "status_refused"  # the forge takes no status of ours
STATUS_LEFT_OPEN = "status_left_open"  # another account of ours began it, and only that one could end it
COMMENT_REFUSED = "comment_refused"  # the forge takes no comment of ours
LABEL_REFUSED = "label_refused"  # the forge does not let us take a label off
SCHEDULE_REFUSED = "schedule_refused"  # and what the clock asks of it
BACKUP_FAILED = "backup_failed"  # no backup by the clock came about
DELIVERY_REFUSED = "delivery_refused"  # the forge refuses what the handling of a delivery asks of it
SUBJECT_LIMIT, TEXT_LIMIT = 300, 1000  # characters


@dataclass(frozen=True, kw_only=True)
class AlertView:
    """One alert as people and programs see it."""

    id: int
    kind: str
    subject: str
    text: str
    repository: str | None  # full name
    forge: str | None
    raised_at: datetime
    times: int
    resolved_at: datetime | None


async def raise_(db: AsyncConnection, kind: str, subject: str, text: str, *, repository_id: int | None = None) -> None:
    """Say something to whoever looks after the service; said before and not resolved, it is counted."""
    new = insert(alert).values(
        kind=kind, subject=subject_of(subject), text=_clean(text, TEXT_LIMIT), repository_id=repository_id
    )
    again = {"times": alert.c.times + 1, "text": new.excluded.text}
    new = new.on_conflict_do_update(
        index_elements=["kind", "subject"], index_where=sa.text("resolved_at IS NULL"), set_=again
    )
    await db.execute(new)


async def resolve(db: AsyncConnection, kind: str, subject: str) -> bool:
    """End an alert, as its cause is gone; False if there was none."""
    return await db.scalar(resolving, {"kind_": kind, "subject_": subject_of(subject)}) is not None


resolving = (  # also as a part of another statement
    sa.update(alert)
    .where(alert.c.kind == sa.bindparam("kind_"), alert.c.subject == sa.bindparam("subject_"))
    .where(alert.c.resolved_at.is_(None))
    .values(resolved_at=sa.func.now())
    .returning(alert.c.id)
)


def subject_of(text: str) -> str:
    """Cut a subject as it is kept."""
    return _clean(text, SUBJECT_LIMIT)


async def list_(
    db: AsyncConnection, *, resolved: bool = False, before: int | None = None, limit: int = 50
) -> list[AlertView]:
    """List open alerts, the newest first; `resolved` adds those that are over."""
    own = ("id", "kind", "subject", "text", "raised_at", "times", "resolved_at")
    asked = sa.select(
        *(alert.c[name] for name in own), repository.c.full_name.label("repository"), repository.c.forge
    ).outerjoin_from(alert, repository, repository.c.id == alert.c.repository_id)
    if not resolved:
        asked = asked.where(alert.c.resolved_at.is_(None))
    if before is not None:
        asked = asked.where(alert.c.id < before)
    rows = await db.execute(asked.order_by(alert.c.id.desc()).limit(limit))
    return [AlertView(**row) for row in rows.mappings()]


async def open_count(db: AsyncConnection) -> int:
    """Count the alerts that nobody has dealt with."""
    return await db.scalar(sa.select(sa.func.count()).select_from(alert).where(alert.c.resolved_at.is_(None))) or 0


def _clean(text: str, most: int) -> str:
    return text.replace("\0", "")[:most]
