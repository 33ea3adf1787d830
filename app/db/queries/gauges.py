"""How the whole service stands now, in numbers: what waits, what runs, and how long the oldest has waited.

Every statement reads a partial index of what is open, so that years of ended work cost nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import alert, attempt, board, builder, conversation, delivery, job, notification, status
from app.states import JobState

LIVING_S = 60.0  # a builder that was heard within so long is there
ENDED_S = 3600.0  # seconds that "lately" covers
LINES = 500  # of board type and priority: more would swamp whoever collects them

_now = sa.func.now()
_since = sa.func.make_interval(0, 0, 0, 0, 0, 0, ENDED_S)


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """One metric: its name and meaning, its labels, and the statement that gives label values and number."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    asked: sa.Select[Any]


def _age(at: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.func.coalesce(sa.func.extract("epoch", _now - sa.func.min(at)), 0.0)


def _unsent(kind: str, table: sa.Table, waits: sa.ColumnElement[bool]) -> sa.Select[Any]:
    due = waits & table.c.closed.is_(None) & (table.c.next_at <= _now)
    found = (sa.literal(kind).label("kind"), sa.func.count().label("number"), _age(table.c.next_at).label("age"))
    return sa.select(*found).select_from(table).where(due)


_outbox = sa.union_all(
    _unsent("status", status, status.c.sent_version < status.c.version),
    _unsent("comment", conversation, conversation.c.sent_version < conversation.c.version),
    _unsent("notification", notification, notification.c.sent_at.is_(None)),
).subquery("outbox")
_waiting = job.c.ended_at.is_(None) & (job.c.state == JobState.QUEUED)
_unhandled = delivery.c.handled_at.is_(None)
_is_there = builder.c.seen_at > _now - sa.func.make_interval(0, 0, 0, 0, 0, 0, LIVING_S)
_connected = sa.case((_is_there, "yes"), else_="no").label("connected")

GAUGES: Sequence[Gauge] = (
    Gauge(
        name="rigline_jobs_open",
        help="Jobs that have not ended.",
        labels=("state",),
        asked=sa.select(job.c.state, sa.func.count()).where(job.c.ended_at.is_(None)).group_by(job.c.state),
    ),
    Gauge(
        name="rigline_queue_jobs",
        help="Jobs that wait for a board.",
        labels=("board_type", "priority"),
        asked=sa.select(job.c.board_type, job.c.priority, sa.func.count())
        .where(_waiting)
        .group_by(job.c.board_type, job.c.priority)
        .order_by(sa.func.count().desc())
        .limit(LINES),
    ),
    Gauge(
        name="rigline_queue_oldest_seconds",
        help="How long the oldest job of a queue has waited.",
        labels=("board_type", "priority"),
        asked=sa.select(job.c.board_type, job.c.priority, _age(job.c.queued_at))
        .where(_waiting)
        .group_by(job.c.board_type, job.c.priority)
        .order_by(_age(job.c.queued_at).desc())
        .limit(LINES),
    ),
    Gauge(
        name="rigline_attempts_ended_last_hour",
        help="Attempts that ended within the last hour: much `errored` beside `failed` is trouble of ours.",
        labels=("outcome",),
        asked=sa.select(attempt.c.outcome, sa.func.count())
        .where(attempt.c.ended_at > _now - _since, attempt.c.log_removed_at.is_(None))
        .group_by(attempt.c.outcome),
    ),
    Gauge(
        name="rigline_boards",
        help="Boards of builders that are not retired.",
        labels=("health",),
        asked=sa.select(board.c.health, sa.func.count())
        .join_from(board, builder, builder.c.id == board.c.builder_id)
        .where(builder.c.state != "retired")
        .group_by(board.c.health),
    ),
    Gauge(
        name="rigline_builders",
        help=f"Builders by what their owners said; connected: heard within {LIVING_S:.0f} s.",
        labels=("state", "connected"),
        asked=sa.select(builder.c.state, _connected, sa.func.count()).group_by(builder.c.state, _connected.name),
    ),
    Gauge(
        name="rigline_outbox_unsent",
        help="What a forge or subscriber should know by now, and does not.",
        labels=("kind",),
        asked=sa.select(_outbox.c.kind, _outbox.c.number),
    ),
    Gauge(
        name="rigline_outbox_lag_seconds",
        help="By how much the oldest of it is overdue.",
        labels=("kind",),
        asked=sa.select(_outbox.c.kind, _outbox.c.age),
    ),
    Gauge(
        name="rigline_deliveries_unhandled",
        help="Webhooks that were stored and not handled yet.",
        asked=sa.select(sa.func.count()).select_from(delivery).where(_unhandled),
    ),
    Gauge(
        name="rigline_deliveries_oldest_seconds",
        help="How long the oldest of them has waited.",
        asked=sa.select(_age(delivery.c.received_at)).where(_unhandled),
    ),
    Gauge(
        name="rigline_problems_open",
        help="Things that a person has to look at, as /admin lists them.",
        labels=("kind",),
        asked=sa.select(alert.c.kind, sa.func.count()).where(alert.c.resolved_at.is_(None)).group_by(alert.c.kind),
    ),
    Gauge(
        name="rigline_database_bytes",
        help="Size of the database.",
        asked=sa.select(sa.func.pg_database_size(sa.func.current_database())),
    ),
)


async def read(db: AsyncConnection) -> Iterator[tuple[Gauge, list[tuple[tuple[str, ...], float]]]]:
    """Read all gauges, each with its label values and numbers."""
    found = []
    for gauge in GAUGES:
        rows = (await db.execute(gauge.asked)).all()
        found.append((gauge, [(tuple(str(part) for part in labels), float(number)) for *labels, number in rows]))
    return iter(found)


async def seconds_since(db: AsyncConnection, at: datetime) -> float:
    """Say how long ago a moment was, by the database's clock."""
    return float(await db.scalar(sa.select(sa.func.extract("epoch", sa.func.clock_timestamp() - at))) or 0.0)
