"""The outbox of news: written with what happened, claimed by one sender, tried until it arrives or is given up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import BuilderState, Channel, Health, News, Trigger
from app.db.queries.outbox import seconds
from app.db.queries.subscriptions import is_waiting
from app.db.tables import board, builder, job, notification, pipeline, repository, shift, subscription
from app.states import ENDED, JobState

CLAIM_S = 60.0  # a sender that died holds a row for so long
NEWEST = 5000  # pipelines among which failed ones are looked for
FRESH_S = 24 * 3600.0  # what failed before is no news
BAD = (JobState.FAILED, JobState.ERRORED, JobState.TIMED_OUT)


@dataclass(frozen=True, kw_only=True)
class About:
    """What a piece of news is about: a version of a shift, a pipeline, or a board."""

    repository_id: int | None = None  # None: of the lab
    owners: tuple[str, ...] = ()  # of the boards: mailboxes that are told besides who asked
    shift_id: int | None = None
    version: int | None = None
    pipeline_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """One piece of news in the hands of one sender."""

    id: int
    delivery: UUID
    subscription_id: int
    channel: Channel
    address: str
    secret: bytes | None  # sealed
    event: News
    payload: Mapping[str, Any]
    created_at: datetime
    claimed_until: datetime
    tries: int


async def add(db: AsyncConnection, event: News, about: About, payload: Mapping[str, Any]) -> int:
    """Write a piece of news down for each subscriber who wants it, once; returns for how many."""
    wanted = sa.select(
        subscription.c.id,
        *(
            sa.literal(value, column.type)
            for value, column in (
                (event, notification.c.event),
                (about.shift_id, notification.c.shift_id),
                (about.version, notification.c.version),
                (about.pipeline_id, notification.c.pipeline_id),
                (payload, notification.c.payload),
            )
        ),
    ).where(subscription.c.ended_at.is_(None), _is_for(about, event))
    names = ["subscription_id", "event", "shift_id", "version", "pipeline_id", "payload"]
    new = insert(notification).from_select(names, wanted).on_conflict_do_nothing()
    return len((await db.execute(new.returning(notification.c.id))).all())


async def add_test(db: AsyncConnection, subscription_id: int, payload: Mapping[str, Any]) -> int:
    """Write down a piece of news that is none, for one subscriber."""
    new = insert(notification).values(subscription_id=subscription_id, event=News.TEST, payload=payload)
    return int((await db.execute(new.returning(notification.c.id))).scalar_one())


def _is_for(about: About, event: News) -> sa.ColumnElement[bool]:
    """Say whom news reach: who asked, and the owner, unless the same mailbox asked too."""
    other = subscription.alias("other")
    asked_too = sa.exists().where(
        ~other.c.of_owner,
        other.c.address == subscription.c.address,
        other.c.ended_at.is_(None),
        other.c.repository_id.is_(None),
        sa.literal(event.value) == sa.any_(other.c.events),
    )
    owned = sa.and_(subscription.c.of_owner, subscription.c.address.in_(about.owners), ~asked_too)
    asked = sa.and_(~subscription.c.of_owner, _is_of(sa.literal(about.repository_id, sa.Integer)))
    return sa.and_(sa.or_(asked, owned), _wants(event))


def _is_of(repository_id: Any) -> sa.ColumnElement[bool]:
    is_of: sa.ColumnElement[bool] = subscription.c.repository_id.is_(None) | (
        subscription.c.repository_id == repository_id
    )
    return is_of


def _wants(event: News) -> sa.ColumnElement[bool]:
    wants: sa.ColumnElement[bool] = sa.literal(event.value) == sa.any_(subscription.c.events)
    return wants


async def untold(db: AsyncConnection, limit: int) -> list[sa.RowMapping]:
    """Read shifts that have news, and keep others from them; several tellers get different ones."""
    return list((await db.execute(_untold(limit))).mappings())


@lru_cache(maxsize=4)
def _untold(limit: int) -> sa.Select[Any]:
    due = shift.c.tell_at <= sa.func.clock_timestamp()
    asked = sa.select(shift).where(shift.c.told_version < shift.c.version, due).order_by(shift.c.tell_at)
    return asked.limit(limit).with_for_update(skip_locked=True)


async def told(db: AsyncConnection, shift_id: int, version: int) -> None:
    """Note that everybody who wants to hear of a shift will."""
    await db.execute(sa.update(shift).where(shift.c.id == shift_id).values(told_version=version))


async def board_with_news(db: AsyncConnection) -> sa.RowMapping | None:
    """Lock one board that went out, or is good again, since the last news of it, and note that it is told.

    What it was for a moment in between is no news: one that is worked on is neither out nor good.
    """
    return (await db.execute(_with_news())).mappings().one_or_none()


@cache
def _with_news() -> sa.UpdateBase:
    is_out = board.c.health == Health.QUARANTINED
    has_news = sa.and_(board.c.told_out != is_out, sa.or_(is_out, board.c.health == Health.GOOD))
    one = sa.select(board.c.id).where(has_news).order_by(board.c.id).limit(1).with_for_update(skip_locked=True)
    change = sa.update(board).where(board.c.id == one.scalar_subquery(), builder.c.id == board.c.builder_id)
    change = change.values(told_out=~board.c.told_out)
    names = ("id", "name", "type", "owner", "health", "health_reason", "health_at", "told_out")
    return change.returning(*(board.c[name] for name in names), builder.c.name.label("builder"))


async def builder_with_news(db: AsyncConnection, away_s: float) -> sa.RowMapping | None:
    """Lock one builder that is away for long, or is back, since the last news of it, and note that it is told.

    One that is not to get jobs is missed by nobody.

    Args:
        away_s: seconds since it was found to be away.
    """
    return (await db.execute(_builder_with_news(), {"away_s_": away_s})).mappings().one_or_none()


@cache
def _builder_with_news() -> sa.UpdateBase:
    is_missed = builder.c.away_at < sa.func.now() - seconds(sa.bindparam("away_s_", type_=sa.Double()))
    is_missed = sa.and_(is_missed, builder.c.state == BuilderState.ACTIVE, ~builder.c.told_away)
    has_news = sa.or_(is_missed, sa.and_(builder.c.told_away, builder.c.away_at.is_(None)))
    one = sa.select(builder.c.id).where(has_news).order_by(builder.c.id).limit(1).with_for_update(skip_locked=True)
    change = sa.update(builder).where(builder.c.id == one.scalar_subquery()).values(told_away=~builder.c.told_away)
    return change.returning(*(builder.c[name] for name in ("id", "name", "seen_at", "told_away")))


async def boards_of(db: AsyncConnection, builder_id: int) -> list[sa.RowMapping]:
    """List the names of the boards that a builder offers, with their owners."""
    offered = sa.select(board.c.name, board.c.owner).where(board.c.builder_id == builder_id, board.c.offered)
    return list((await db.execute(offered.order_by(board.c.name))).mappings())


async def failed_pipelines(db: AsyncConnection, limit: int) -> list[int]:
    """Find pipelines of default branches that ended badly, that somebody wants to hear of and has not."""
    return list(await db.scalars(_failed(limit)))


@lru_cache(maxsize=4)
def _failed(limit: int) -> sa.Select[Any]:
    mine = (job.c.pipeline_id == pipeline.c.id, ~job.c.replaced)
    known = sa.exists().where(
        notification.c.pipeline_id == pipeline.c.id, notification.c.subscription_id == subscription.c.id
    )
    newest = sa.select(sa.func.max(pipeline.c.id) - NEWEST).scalar_subquery()
    asked = (
        sa.select(pipeline.c.id)
        .distinct()
        .join_from(pipeline, repository, repository.c.id == pipeline.c.repository_id)
        .join(subscription, _is_of(pipeline.c.repository_id) & _wants(News.PIPELINE_FAILED))
        .where(
            pipeline.c.id > newest,
            pipeline.c.branch == repository.c.default_branch,
            pipeline.c.pull_request.is_(None),
            pipeline.c.trigger != Trigger.HEALTH,
            pipeline.c.created_at > sa.func.now() - seconds(FRESH_S),
            subscription.c.ended_at.is_(None),
            subscription.c.said_at < pipeline.c.created_at,
            sa.exists().where(*mine, job.c.state.in_(BAD)),
            ~sa.exists().where(*mine, job.c.state.not_in(ENDED)),
            ~known,
        )
    )
    return asked.order_by(pipeline.c.id).limit(limit)


async def claim(db: AsyncConnection, limit: int, *, only: int | None = None) -> list[Outgoing]:
    """Take news that is due; nobody else gets it for a minute."""
    return [Outgoing(**row) for row in (await db.execute(_claim(limit, only))).mappings()]


@lru_cache(maxsize=4)
def _claim(limit: int, only: int | None) -> sa.UpdateBase:
    clock = sa.func.clock_timestamp()
    free = notification.c.claimed_until.is_(None) | (notification.c.claimed_until < clock)
    due = sa.select(notification.c.id).where(*is_waiting, notification.c.next_at <= clock, free)
    if only is not None:
        due = due.where(notification.c.id == only)
    due = due.order_by(notification.c.next_at, notification.c.id).limit(limit).with_for_update(skip_locked=True)
    change = (
        sa.update(notification)
        .where(notification.c.id.in_(due), subscription.c.id == notification.c.subscription_id)
        .values(claimed_until=clock + seconds(CLAIM_S))
    )
    own = ("id", "delivery", "subscription_id", "event", "payload", "created_at", "claimed_until", "tries")
    whose = (subscription.c.channel, subscription.c.address, subscription.c.secret)
    return change.returning(*(notification.c[name] for name in own), *whose)


async def sent(db: AsyncConnection, outgoing: Outgoing) -> None:
    """Note that it arrived, also if the claim had run out: it did arrive."""
    change = sa.update(notification).where(notification.c.id == outgoing.id)
    await db.execute(change.values(sent_at=sa.func.now(), claimed_until=None, error="", closed=None))


async def postpone(db: AsyncConnection, outgoing: Outgoing, wait_s: float, error: str) -> None:
    """Try again after a wait, unless another sender has it meanwhile."""
    values = {"next_at": sa.func.now() + seconds(wait_s), "claimed_until": None, "error": error[:500]}
    await db.execute(_mine(outgoing).values(**values, tries=outgoing.tries + 1))


async def give_up(db: AsyncConnection, outgoing: Outgoing, why: str) -> None:
    """Try no more."""
    await db.execute(_mine(outgoing).values(closed=why[:500], error=why[:500], tries=outgoing.tries + 1))


async def forget(db: AsyncConnection, *, days: int, at_once: int) -> int:
    """Delete news that arrived, or was given up, so long ago; returns how much of it."""
    is_over = notification.c.sent_at.is_not(None) | notification.c.closed.is_not(None)
    old = sa.select(notification.c.id).where(is_over, notification.c.created_at < sa.func.now() - seconds(days * 86400))
    chosen = old.order_by(notification.c.id).limit(at_once).with_for_update(skip_locked=True)
    gone = sa.delete(notification).where(notification.c.id.in_(chosen)).returning(notification.c.id)
    return len((await db.execute(gone)).all())


def _mine(outgoing: Outgoing) -> sa.Update:
    is_mine = notification.c.claimed_until == outgoing.claimed_until
    return sa.update(notification).where(notification.c.id == outgoing.id, is_mine)
