"""What the pages show of builders, boards, deliveries and repositories. Every list is bounded."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.models import (
    Attempt,
    AttemptBoard,
    Board,
    Builder,
    BuilderState,
    Configuration,
    Delivery,
    Health,
    Job,
    Pipeline,
    Repository,
)
from app.db.queries.builders import is_alive
from app.db.tables import board


def _held() -> Any:
    """Find the job that holds a board, be it the job's own or a further one."""
    first = board.alias("first")
    return (
        sa.select(
            col(Job.id).label("job_id"),
            col(Job.state).label("job_state"),
            col(Job.configuration).label("job_configuration"),
            col(Attempt.phase),
            col(Attempt.opened_at),
            sa.case((first.c.id != col(Board.id), first.c.name)).label("beside"),  # the board that the job is for
            col(Repository.full_name),
            col(Pipeline.commit),
        )
        .join_from(AttemptBoard, Attempt, col(Attempt.id) == col(AttemptBoard.attempt_id))
        .join(first, first.c.id == col(Attempt.board_id))
        .join(Job, col(Job.id) == col(Attempt.job_id))
        .join(Pipeline, col(Pipeline.id) == col(Job.pipeline_id))
        .join(Repository, col(Repository.id) == col(Pipeline.repository_id))
        .where(col(AttemptBoard.board_id) == col(Board.id), col(AttemptBoard.is_open))
        .limit(1)
        .lateral("held")
    )


_is_busy = (  # whoever's job holds it
    sa.exists().where(col(AttemptBoard.board_id) == col(Board.id), col(AttemptBoard.is_open)).correlate(Board)
)


_online = sa.func.coalesce(is_alive(), sa.false()).label("online")


def _boards() -> sa.Select[Any]:
    held = _held()
    offered = (
        sa.select(sa.func.array_agg(sa.distinct(col(Configuration.name))).label("configurations"))
        .where(col(Configuration.board_id) == col(Board.id), col(Configuration.offered).is_(True))
        .where(col(Configuration.is_check).is_(False))
        .lateral("offered")
    )
    return (
        sa.select(
            *(column for column in Board.__table__.columns),  # type: ignore[attr-defined]
            col(Builder.name).label("builder"),
            col(Builder.state).label("builder_state"),
            col(Builder.seen_at),
            _online,
            sa.func.coalesce(offered.c.configurations, sa.cast([], sa.ARRAY(sa.Text))).label("configurations"),
            _is_busy.label("is_busy"),
            held,
        )
        .join_from(Board, Builder, col(Builder.id) == col(Board.builder_id))
        .outerjoin(held, sa.true())
        .join(offered, sa.true())
        .where(col(Board.offered).is_(True), col(Builder.state) != BuilderState.RETIRED)
    )


async def boards(
    db: AsyncConnection,
    *,
    builder_id: int | None = None,
    board_id: int | None = None,
    healths: Collection[Health] | None = None,
    after: int | None = None,
    limit: int = 500,
) -> list[sa.RowMapping]:
    """List the offered boards, with the configurations they offer and the job they hold; `after` an id: by id."""
    wanted = _boards()
    if board_id is not None:
        wanted = wanted.where(col(Board.id) == board_id)
    if healths is not None:
        wanted = wanted.where(col(Board.health).in_(healths))
    if after is not None:
        paged = wanted.where(col(Board.id) > after).order_by(col(Board.id)).limit(limit)
        return list((await db.execute(paged)).mappings())
    if builder_id is not None:
        wanted = wanted.where(col(Board.builder_id) == builder_id)
    order = (col(Board.type), col(Builder.name), col(Board.name))
    return list((await db.execute(wanted.order_by(*order).limit(limit))).mappings())


async def configurations(db: AsyncConnection, builder_id: int, *, limit: int = 1000) -> list[sa.RowMapping]:
    """List the configurations that a builder's boards offer."""
    wanted = (
        sa.select(col(Configuration.board_id), *(getattr(Configuration, name) for name in ("name", "tags", "limit_s")))
        .join(Board, col(Board.id) == col(Configuration.board_id))
        .where(col(Board.builder_id) == builder_id, col(Configuration.offered).is_(True))
        .where(col(Configuration.is_check).is_(False))
    )
    return list((await db.execute(wanted.order_by(col(Configuration.name)).limit(limit))).mappings())


# Never the hash of its token.
BUILDER_COLUMNS = (
    "id",
    "name",
    "state",
    "version",
    "isolation",
    "facts",
    "created_at",
    "token_at",
    "seen_at",
    "disk_free",
    "problem",
)


async def builders(db: AsyncConnection, *, after: int | None = None, limit: int = 500) -> list[sa.RowMapping]:
    """List builders, with how many boards they offer and how many of these are busy; `after` an id: by id."""
    mine = sa.and_(col(Board.builder_id) == col(Builder.id), col(Board.offered).is_(True))
    offered = sa.select(sa.func.count()).select_from(Board).where(mine).scalar_subquery()
    busy = sa.select(sa.func.count()).select_from(Board).where(mine, _is_busy).scalar_subquery()
    wanted = sa.select(
        *(getattr(Builder, name) for name in BUILDER_COLUMNS), offered.label("boards"), busy.label("busy"), _online
    ).where(col(Builder.state) != BuilderState.RETIRED)
    if after is not None:
        wanted = wanted.where(col(Builder.id) > after).order_by(col(Builder.id))
    return list((await db.execute(wanted.order_by(col(Builder.name)).limit(limit))).mappings())


async def builder(db: AsyncConnection, name: str) -> sa.RowMapping | None:
    """Find a builder by name, also a retired one."""
    columns = [getattr(Builder, each) for each in BUILDER_COLUMNS]
    wanted: sa.Select[Any] = sa.select(*columns, _online).where(col(Builder.name) == name)
    found: sa.RowMapping | None = (await db.execute(wanted)).mappings().one_or_none()
    return found


async def attempts_of(db: AsyncConnection, builder_id: int, *, limit: int = 20) -> list[sa.RowMapping]:
    """List what a builder did last."""
    columns = [getattr(Attempt, each) for each in ("job_id", "opened_at", "ended_at", "outcome", "reason")]
    wanted: sa.Select[Any] = (
        sa.select(*columns, col(Board.name).label("board"), col(Job.configuration))
        .join_from(Attempt, Board, col(Board.id) == col(Attempt.board_id))
        .join(Job, col(Job.id) == col(Attempt.job_id))
        .where(col(Attempt.builder_id) == builder_id)
    )
    return list((await db.execute(wanted.order_by(col(Attempt.id).desc()).limit(limit))).mappings())


async def deliveries(
    db: AsyncConnection,
    *,
    forge: str | None = None,
    kind: str | None = None,
    handled: bool | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[sa.RowMapping]:
    """List deliveries without their bodies, the newest first."""
    names = ("id", "forge", "key", "kind", "received_at", "handled_at", "verdict", "tries")
    size = sa.func.octet_length(col(Delivery.body)).label("stored_bytes")
    wanted = sa.select(*(getattr(Delivery, name) for name in names), size)
    for column, value in ((col(Delivery.forge), forge), (col(Delivery.kind), kind)):
        wanted = wanted if value is None else wanted.where(column == value)
    if handled is not None:
        wanted = wanted.where(col(Delivery.handled_at).is_not(None) == sa.literal(handled))
    if before is not None:
        wanted = wanted.where(col(Delivery.id) < before)
    return list((await db.execute(wanted.order_by(col(Delivery.id).desc()).limit(limit))).mappings())
