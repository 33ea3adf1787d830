"""Who wants to hear of what."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import Channel, News
from app.db.tables import notification, repository, subscription


@dataclass(frozen=True, kw_only=True)
class SubscriptionView:
    """One subscription, and how far it got. Its secret is not here."""

    id: int
    channel: Channel
    address: str
    forge: str | None  # None: of all repositories
    repository: str | None  # full name
    repository_id: int | None
    of_owner: bool  # only of boards that name the address as their owner
    events: list[News]
    said_by: str
    said_at: datetime
    ended_at: datetime | None
    ended_why: str
    sent_at: datetime | None  # the last time something arrived
    waiting: int  # pieces of news on their way
    error: str  # of the last try of what is on its way


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody asks for."""

    channel: Channel
    address: str
    repository_id: int | None
    events: Collection[News]
    secret: bytes | None = None  # sealed


async def add(db: AsyncConnection, wish: Wish, *, said_by: str) -> int:
    """Begin a subscription."""
    events = sorted({each.value for each in wish.events})
    new = sa.insert(subscription).values({**vars(wish), "events": events, "said_by": said_by})
    return int((await db.execute(new.returning(subscription.c.id))).scalar_one())


async def of_owner(db: AsyncConnection, address: str, events: Collection[News]) -> None:
    """Begin the subscription of an owner of boards, unless there is one; one that the owner ended stays ended."""
    words = sorted({each.value for each in events})
    values = {"channel": Channel.MAIL, "address": address, "events": words, "of_owner": True, "said_by": "builder.toml"}
    new = insert(subscription).values(values)
    once = new.on_conflict_do_nothing(index_elements=["address"], index_where=subscription.c.of_owner)
    await db.execute(once)


async def end(db: AsyncConnection, subscription_id: int, why: str) -> bool:
    """End a subscription; what waits for it is not sent any more. False if there is none that goes on."""
    mine = (subscription.c.id == subscription_id, subscription.c.ended_at.is_(None))
    change = sa.update(subscription).where(*mine).values(ended_at=sa.func.now(), ended_why=why[:500])
    if await db.scalar(change.returning(subscription.c.id)) is None:
        return False
    waiting = sa.update(notification).where(notification.c.subscription_id == subscription_id, *is_waiting)
    await db.execute(waiting.values(closed=why[:500]))
    return True


async def begin_again(db: AsyncConnection, subscription_id: int) -> bool:
    """Let an ended subscription go on, with what happens from now on; False if there is none that has ended."""
    mine = (subscription.c.id == subscription_id, subscription.c.ended_at.is_not(None))
    change = sa.update(subscription).where(*mine).values(ended_at=None, ended_why="")
    return await db.scalar(change.returning(subscription.c.id)) is not None


is_waiting = (notification.c.sent_at.is_(None), notification.c.closed.is_(None))


async def get(db: AsyncConnection, subscription_id: int) -> SubscriptionView | None:
    """Read one subscription, also one that has ended."""
    row = (await db.execute(_views().where(subscription.c.id == subscription_id))).mappings().one_or_none()
    return None if row is None else SubscriptionView(**row)


async def list_(
    db: AsyncConnection, *, ended: bool = False, repository_id: int | None = None, after: int = 0, limit: int = 50
) -> list[SubscriptionView]:
    """List the subscriptions that go on, of one repository if it is named; `ended` adds those that do not."""
    asked = _views().where(subscription.c.id > after)
    if repository_id is not None:
        asked = asked.where(subscription.c.repository_id == repository_id)
    if not ended:
        asked = asked.where(subscription.c.ended_at.is_(None))
    rows = await db.execute(asked.order_by(subscription.c.id).limit(limit))
    return [SubscriptionView(**row) for row in rows.mappings()]


def _views() -> sa.Select[tuple[object, ...]]:
    own = ("id", "channel", "address", "repository_id", "of_owner", "events")
    said = ("said_by", "said_at", "ended_at", "ended_why")
    mine = notification.c.subscription_id == subscription.c.id
    sent = sa.select(sa.func.max(notification.c.sent_at)).where(mine).scalar_subquery()
    waiting = sa.select(sa.func.count()).select_from(notification).where(mine, *is_waiting).scalar_subquery()
    last = notification.c.id.desc()
    error = sa.select(notification.c.error).where(mine, *is_waiting).order_by(last).limit(1).scalar_subquery()
    return sa.select(
        *(subscription.c[name] for name in (*own, *said)),
        repository.c.forge,
        repository.c.full_name.label("repository"),
        sent.label("sent_at"),
        waiting.label("waiting"),
        sa.func.coalesce(error, "").label("error"),
    ).outerjoin_from(subscription, repository, repository.c.id == subscription.c.repository_id)
