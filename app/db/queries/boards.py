"""Boards and their configurations: what builders offer, and which board may take a job now."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.fixed import fixed
from app.db.models import BuilderState
from app.db.queries.caps import NO_CAPS, is_capped
from app.db.queries.placing import (
    FURTHER_FREE,
    OF_JOB,
    Wanted,
    further,
    is_free,
    is_queued,
    is_there,
    jobs_and_places,
    meets,
    offered_tags,
    passes_gates,
    places,
)
from app.db.tables import board, builder, configuration, job, pipeline, turn
from app.errors import BoardInUse
from app.turns import RANKS, due, waits_since
from builders.protocol import CHECK, MAX_JOB_S, BoardOffer

CANDIDATES = 8  # jobs that one look of a claim considers
LOOKED_AT = 4 * CANDIDATES  # that could start, of the lines whose turn it is; the order is exact among them
DEVICES_LOCK = 0x7269_6710  # advisory: one hello at a time looks for devices of others
CHECK_MARGIN_S = 60.0  # switching the board on and off around its check
LIMIT_S = 2 * 3600.0  # a job's limit if neither its pipeline nor its configuration names one

now = sa.func.now()


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


_NAMED = (
    board.c.builder_id == sa.bindparam("builder_id"),
    board.c.name == sa.func.any(sa.bindparam("names", type_=sa.ARRAY(sa.Text))),
)
_has_further = configuration.c.further.contained_by(sa.bindparam("names", type_=sa.ARRAY(sa.Text)))
_LINE = (job.c.board_type, job.c.priority, job.c.share)  # jobs that wait one behind the other, the oldest in front


def _lines() -> sa.CTE:
    """Walk from line to line of the named boards' types, one step in the index each, however long the lines are."""
    kinds = sa.select(board.c.type).where(*_NAMED).distinct().subquery("kinds")
    oldest = sa.select(*_LINE, job.c.queued_at).where(is_queued).order_by(*_LINE, job.c.queued_at, job.c.id).limit(1)
    first = oldest.where(job.c.board_type == kinds.c.type).lateral("first")
    line = sa.select(first).select_from(kinds.join(first, sa.true())).cte("line", recursive=True)
    after = sa.tuple_(job.c.priority, job.c.share) > sa.tuple_(line.c.priority, line.c.share)
    following = oldest.where(job.c.board_type == line.c.board_type, after).lateral("following")
    return line.union_all(sa.select(following).select_from(line.join(following, sa.true())))


def _place(line: Any, queued_at: Any, taken_at: Any) -> Any:
    """Say in SQL what `app.turns` says: the smallest is next."""
    since = sa.extract("epoch", waits_since(queued_at, sa.func.coalesce(taken_at, queued_at), sa.func.greatest))
    return due(since, sa.case(dict(RANKS), value=sa.cast(line.c.priority, sa.Text)))


def _in_turn() -> sa.Subquery:
    """Order the lines by where their oldest job stands if it was never tried before, or their next one."""
    line = _lines()
    same = sa.and_(*(turn.c[column.name] == line.c[column.name] for column in _LINE))
    ordered = sa.select(line, turn.c.taken_at).select_from(line.outerjoin(turn, same))
    return ordered.order_by(_place(line, line.c.queued_at, turn.c.taken_at), line.c.queued_at).subquery("in_turn")


def _candidates() -> sa.Select[Any]:
    """Look into the lines in their order until enough is found; only what is found is put in its exact order."""
    line = _in_turn()
    here = sa.select(1).select_from(places).where(*_NAMED, _has_further, board.c.type == job.c.board_type)
    fit = (
        sa.select(job.c.id, job.c.queued_at, job.c.epoch, is_capped.label("is_capped"))
        .select_from(job.join(pipeline))
        .where(*(column == line.c[column.name] for column in _LINE), passes_gates)
        .where(here.where(meets(OF_JOB, asking=True)).correlate(job, pipeline).exists())
        .order_by(job.c.queued_at, job.c.id)
        .limit(CANDIDATES)
        .lateral("fit")
    )
    fits = sa.select(line, fit.c.id, fit.c.queued_at.label("since"), fit.c.epoch, fit.c.is_capped)
    found = fits.select_from(line.join(fit, sa.true())).limit(LOOKED_AT).subquery("found")
    taken_at = sa.case((found.c.epoch > 0, found.c.since), else_=found.c.taken_at)  # tried again: in front of its line
    return (
        sa.select(found.c.id, found.c.board_type, found.c.priority, found.c.is_capped)
        .order_by(_place(found, found.c.since, taken_at), found.c.since, found.c.id)
        .limit(CANDIDATES)
    )


_candidates_query = fixed(_candidates())


async def candidates(
    db: AsyncConnection, builder_id: int, names: Sequence[str], caps: Mapping[str, int] = NO_CAPS
) -> list[Any]:
    """List the jobs that one of the builder's named boards could start now, the next one first, as `app.turns` says.

    Each is an id, board_type, priority, and is_capped: whether it has a share that is.

    Args:
        caps: boards that the jobs of one share may hold, by the names of the columns of a repository, which go before.
    """
    return list(await db.execute(_candidates_query, {"builder_id": builder_id, "names": list(names), **caps}))


_free = (
    sa.select(board.c.id, board.c.builder_id, board.c.name, configuration.c.further, job.c.id.label("job_id"))
    .select_from(jobs_and_places)
    .where(passes_gates, meets(OF_JOB, asking=True), *_NAMED, _has_further)
    .where(job.c.id == sa.bindparam("job_id"))
    .order_by(board.c.id)
    .limit(1)
    .with_for_update(of=board, skip_locked=True)
)
_free_for = fixed(_free)
free_alone = _free.where(configuration.c.further == sa.cast([], sa.ARRAY(sa.Text)))  # it needs no other board


async def free_for(
    db: AsyncConnection, builder_id: int, names: Sequence[str], job_id: int, caps: Mapping[str, int] = NO_CAPS
) -> Any:
    """Lock a free board of the builder for a queued job; a board that somebody else locks is passed over.

    `further` of what is found names the boards that the job needs besides it.
    """
    asked = {"builder_id": builder_id, "names": list(names), "job_id": job_id, **caps}
    return (await db.execute(_free_for, asked)).one_or_none()


_lock_further = (
    sa.select(further.c.id)
    .where(further.c.builder_id == sa.bindparam("builder_id"), *FURTHER_FREE)
    .where(further.c.name == sa.func.any(sa.bindparam("names", type_=sa.ARRAY(sa.Text))))
    .order_by(further.c.id)
    .with_for_update(of=further, skip_locked=True)
)


async def lock_further(db: AsyncConnection, builder_id: int, names: Sequence[str]) -> list[int] | None:
    """Lock the further boards that a job needs, all or none: None if one is not free, or somebody else locks it.

    As no claim ever waits for a board's lock, two that want the same boards cannot wait for each other.
    """
    if not names:
        return []
    found = list(await db.scalars(_lock_further, {"builder_id": builder_id, "names": list(names)}))
    return found if len(found) == len(names) else None


_WAITING = board.c.builder_id == sa.func.any(sa.bindparam("waiting", type_=sa.ARRAY(sa.Integer)))
# An array, so that jobs are found by the index of their type: most looks concern few types of many, or none.
_kinds = sa.func.array(sa.select(board.c.type).where(_WAITING, board.c.offered, is_free(board)).scalar_subquery())
_targets = (
    sa.select(*OF_JOB.columns, sa.func.count().label("jobs"))
    .select_from(job.join(pipeline))
    .where(job.c.board_type == sa.func.any(_kinds))
    .where(passes_gates)
    .group_by(*OF_JOB.columns)
    .cte("targets")
)
_takers = fixed(
    sa.select(
        _targets.c.jobs,
        sa.func.array_agg(board.c.builder_id).label("builders"),
        sa.func.array_agg(board.c.name).label("boards"),
    )
    .select_from(_targets.join(places, board.c.type == _targets.c.board_type))
    .where(_WAITING)
    .where(meets(Wanted.of(_targets.c), asking=True))
    .group_by(*_targets.c)
)


async def takers(
    db: AsyncConnection, waiting: Sequence[int], caps: Mapping[str, int] = NO_CAPS
) -> list[tuple[int, list[tuple[int, str]]]]:
    """For each kind of queued job: how many there are, and which free boards of the waiting builders fit.

    One query for all waiters; nothing queued costs next to nothing.
    """
    rows = await db.execute(_takers, {"waiting": list(waiting), **caps})
    return [(row.jobs, list(zip(row.builders, row.boards, strict=True))) for row in rows]


_kinds_of = sa.select(board.c.builder_id, board.c.name, board.c.type).where(_WAITING, board.c.offered, is_there(board))


async def kinds_of(db: AsyncConnection, builder_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Read of each builder the names and types of its boards that are not out for repair."""
    found: dict[int, dict[str, str]] = {each: {} for each in builder_ids}
    for builder_id, name, kind in await db.execute(_kinds_of, {"waiting": list(builder_ids)}):
        found[builder_id][name] = sys.intern(kind)
    return found


async def register(db: AsyncConnection, builder_id: int, offers: Sequence[BoardOffer]) -> None:
    """Take over what a builder offers. What it no longer names stays, with its history, but gets no jobs.

    Raises:
        BoardInUse: another builder offers a board with one of the devices.
    """
    mine = sa.select(board.c.id).where(board.c.builder_id == builder_id)
    await db.execute(mine.order_by(board.c.id).with_for_update())  # in one order, whoever locks several
    await db.execute(sa.update(board).where(board.c.builder_id == builder_id).values(offered=False))
    for offer in offers:
        await _refuse_foreign(db, builder_id, offer)
        facts = {"type": offer.type, "description": offer.description, "tags": offer.tags, "offered": True}
        facts |= {"devices": offer.devices, "power": offer.power, "owner": offer.owner}
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
    offered: list[dict[str, Any]] = [
        {
            "name": each.name,
            "tags": each.tags,
            "further": each.further,
            "limit_s": None if each.limit_s is None else min(each.limit_s, MAX_JOB_S),
            "compares": each.compares,
        }
        for each in offer.configurations
    ]
    if offer.check is not None:
        limit_s = offer.check.limit_s + CHECK_MARGIN_S
        offered.append({"name": CHECK, "tags": [], "further": [], "limit_s": limit_s, "compares": False})
    for each in offered:
        facts = {**each, "offered": True, "is_check": each["name"] == CHECK}
        new = insert(configuration).values(board_id=board_id, **facts)
        await db.execute(new.on_conflict_do_update(constraint="configuration_once", set_=facts))


async def types_of(db: AsyncConnection, builder_id: int) -> list[str]:
    """List the types of the boards that a builder offers."""
    wanted = sa.select(board.c.type).where(board.c.builder_id == builder_id, board.c.offered)
    return sorted(set(await db.scalars(wanted)))
