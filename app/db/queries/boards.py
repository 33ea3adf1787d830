"""Boards and their configurations: what builders offer, and which board may take a job now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import BuilderState, Priority
from app.db.queries.placing import OF_JOB, Wanted, jobs_and_places, meets, offered_tags, passes_gates, places
from app.db.tables import board, builder, configuration, job, pipeline
from app.errors import BoardInUse
from builders.protocol import CHECK, BoardOffer

AGEING_S = 30 * 60  # waiting so long moves a job up one class
CANDIDATES = 8  # jobs that one look of a claim considers
DEVICES_LOCK = 0x7269_6710  # advisory: one hello at a time looks for devices of others
CHECK_MARGIN_S = 60.0  # switching the board on and off around its check
LIMIT_S = 2 * 3600.0  # a job's limit if neither its pipeline nor its configuration names one

now = sa.func.now()
_ORDER = {Priority.RELEASE: 0, Priority.BRANCH: 1, Priority.PULL_REQUEST: 2, Priority.NIGHTLY: 3}


@dataclass(frozen=True)
class Target:
    """What a job needs: a type of board and a configuration on it, with all the tags."""

    board_type: str
    configuration: str
    tags: tuple[str, ...] = ()  # of the configuration and its board, sorted


async def targets_offered(db: AsyncConnection) -> list[Target]:
    """List what the registered builders that are not retired offer, each target once."""
    rows = await db.execute(
        sa.select(board.c.type, configuration.c.name, offered_tags)
        .select_from(board.join(configuration).join(builder, builder.c.id == board.c.builder_id))
        .where(board.c.offered, configuration.c.offered, builder.c.state != BuilderState.RETIRED)
        .where(sa.not_(configuration.c.is_check))
    )
    found = {Target(kind, name, tuple(sorted(set(tags)))) for kind, name, tags in rows}
    return sorted(found, key=lambda target: (target.board_type, target.configuration, target.tags))


_waited_s = sa.extract("epoch", now - job.c.queued_at)
_class = sa.case({each.value: rank for each, rank in _ORDER.items()}, value=sa.cast(job.c.priority, sa.Text))
_urgency = _class - sa.func.floor(_waited_s / AGEING_S)
_may_start_here = sa.and_(passes_gates, meets(OF_JOB, asking=True), board.c.builder_id == sa.bindparam("builder_id"))

_candidates = (
    sa.select(job.c.id, job.c.board_type, job.c.priority)
    .select_from(jobs_and_places)
    .where(_may_start_here)
    .where(board.c.name == sa.func.any(sa.bindparam("names", type_=sa.ARRAY(sa.Text))))
    .group_by(job.c.id)
    .order_by(_urgency, job.c.queued_at, job.c.id)
    .limit(CANDIDATES)
)


async def candidates(db: AsyncConnection, builder_id: int, names: Sequence[str]) -> list[Any]:
    """List the jobs that one of the builder's named boards could start now, the most urgent first.

    Classes go release, branch, pull request, nightly; each `AGEING_S` of waiting moves a job up one.
    """
    return list(await db.execute(_candidates, {"builder_id": builder_id, "names": list(names)}))


_free_for = (
    sa.select(board.c.id, board.c.builder_id, board.c.name)
    .select_from(jobs_and_places)
    .where(_may_start_here)
    .where(board.c.name == sa.func.any(sa.bindparam("names", type_=sa.ARRAY(sa.Text))))
    .where(job.c.id == sa.bindparam("job_id"))
    .order_by(board.c.id)
    .limit(1)
    .with_for_update(of=board, skip_locked=True)
)


async def free_for(db: AsyncConnection, builder_id: int, names: Sequence[str], job_id: int) -> Any:
    """Lock a free board of the builder for a queued job; a board that somebody else locks is passed over."""
    asked = {"builder_id": builder_id, "names": list(names), "job_id": job_id}
    return (await db.execute(_free_for, asked)).one_or_none()


_targets = (
    sa.select(*OF_JOB.columns, sa.func.count().label("jobs"))
    .select_from(job.join(pipeline))
    .where(passes_gates)
    .group_by(*OF_JOB.columns)
    .cte("targets")
)
_takers = (
    sa.select(
        _targets.c.jobs,
        sa.func.array_agg(board.c.builder_id).label("builders"),
        sa.func.array_agg(board.c.name).label("boards"),
    )
    .select_from(_targets.join(places, board.c.type == _targets.c.board_type))
    .where(board.c.builder_id == sa.func.any(sa.bindparam("waiting", type_=sa.ARRAY(sa.Integer))))
    .where(meets(Wanted.of(_targets.c), asking=True))
    .group_by(*_targets.c)
)


async def takers(db: AsyncConnection, waiting: Sequence[int]) -> list[tuple[int, list[tuple[int, str]]]]:
    """For each kind of queued job: how many there are, and which free boards of the waiting builders fit.

    One query for all waiters; nothing queued costs next to nothing.
    """
    rows = await db.execute(_takers, {"waiting": list(waiting)})
    return [(row.jobs, list(zip(row.builders, row.boards, strict=True))) for row in rows]


async def register(db: AsyncConnection, builder_id: int, offers: Sequence[BoardOffer]) -> None:
    """Take over what a builder offers. What it no longer names stays, with its history, but gets no jobs.

    Raises:
        BoardInUse: another builder offers a board with one of the devices.
    """
    await db.execute(sa.update(board).where(board.c.builder_id == builder_id).values(offered=False))
    for offer in offers:
        await _refuse_foreign(db, builder_id, offer)
        facts = {"type": offer.type, "description": offer.description, "tags": offer.tags, "offered": True}
        facts |= {"devices": offer.devices, "power": offer.power}
        facts |= {"check_every_s": None if offer.check is None else offer.check.every_s}
        new = insert(board).values(builder_id=builder_id, name=offer.name, health_reason="", **facts)
        new = new.on_conflict_do_update(constraint="board_once", set_=facts)
        board_id = (await db.execute(new.returning(board.c.id))).scalar_one()
        await _register_configurations(db, board_id, offer)


async def _refuse_foreign(db: AsyncConnection, builder_id: int, offer: BoardOffer) -> None:
    """Let one builder host a device: two would talk to it at once, each under a lock of its own."""
    if not offer.devices:
        return
    await db.execute(sa.select(sa.func.pg_advisory_xact_lock(DEVICES_LOCK)))  # two hellos at once see each other
    other = (
        sa.select(board.c.name, board.c.devices, builder.c.name.label("builder"))
        .join_from(board, builder, builder.c.id == board.c.builder_id)
        .where(board.c.devices.overlap(offer.devices), board.c.builder_id != builder_id, board.c.offered)
        .where(builder.c.state != BuilderState.RETIRED)
        .limit(1)
    )
    for found in await db.execute(other):
        shared = sorted({*found.devices} & {*offer.devices})[0]
        raise BoardInUse(
            f"Board {offer.name!r} has the device {shared}, which is board {found.name!r} of builder "
            f"{found.builder!r}. Take it out of the configuration of one of them, and restart that agent; "
            f"if {found.builder!r} is gone for good: `rigline builder delete {found.builder}`."
        )


async def _register_configurations(db: AsyncConnection, board_id: int, offer: BoardOffer) -> None:
    mine = configuration.c.board_id == board_id
    await db.execute(sa.update(configuration).where(mine).values(offered=False))
    offered = [(each.name, each.tags, each.limit_s, False) for each in offer.configurations]
    if offer.check is not None:
        offered.append((CHECK, [], offer.check.limit_s + CHECK_MARGIN_S, True))
    for name, tags, limit_s, is_check in offered:
        facts = {"tags": tags, "limit_s": limit_s, "offered": True, "is_check": is_check}
        new = insert(configuration).values(board_id=board_id, name=name, **facts)
        await db.execute(new.on_conflict_do_update(constraint="configuration_once", set_=facts))


async def types_of(db: AsyncConnection, builder_id: int) -> list[str]:
    """List the types of the boards that a builder offers."""
    wanted = sa.select(board.c.type).where(board.c.builder_id == builder_id, board.c.offered)
    return sorted(set(await db.scalars(wanted)))
