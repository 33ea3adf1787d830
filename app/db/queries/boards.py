"""Boards and their configurations: what builders offer, and which board may take a job now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import BuilderState, Health, Priority
from app.db.tables import attempt, board, builder, configuration, job, pipeline
from app.states import JobState
from builders.protocol import BoardOffer

AGEING_S = 30 * 60  # waiting so long moves a job up one class
CANDIDATES = 8  # jobs that one look of a claim considers
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
        sa.select(board.c.type, configuration.c.name, _offered_tags)
        .select_from(board.join(configuration).join(builder, builder.c.id == board.c.builder_id))
        .where(board.c.offered, configuration.c.offered, builder.c.state != BuilderState.RETIRED)
    )
    found = {Target(kind, name, tuple(sorted(set(tags)))) for kind, name, tags in rows}
    return sorted(found, key=lambda target: (target.board_type, target.configuration, target.tags))


_offered_tags = (board.c.tags + configuration.c.tags).label("tags")


def _has(facts: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Say that the builder fits: for each fact that is asked for it has one of the words."""
    wanted = sa.func.jsonb_each(facts).table_valued("key", sa.column("value", JSONB)).alias("fact")
    fits = wanted.c.value.op("?", return_type=sa.Boolean)(builder.c.facts.op("->>")(wanted.c.key))
    misfit = sa.select(1).select_from(wanted).where(sa.not_(sa.func.coalesce(fits, sa.false()))).exists()
    return sa.or_(facts == sa.literal({}, JSONB), sa.not_(misfit))


matches = sa.and_(  # this board's configuration is what the job asks for
    board.c.type == job.c.board_type,
    configuration.c.name == job.c.configuration,
    board.c.offered,
    configuration.c.offered,
    _offered_tags.element.contains(job.c.tags),
    sa.or_(job.c.board.is_(None), job.c.board == board.c.name),
    _has(job.c.facts),
)
_needed = job.alias("needed")
_unmet = (
    sa.select(1)
    .where(_needed.c.pipeline_id == job.c.pipeline_id, _needed.c.target_group == sa.func.any(job.c.needs))
    .where(sa.not_(_needed.c.replaced), _needed.c.state != JobState.PASSED)
    .correlate(job)
    .exists()
)
may_start = sa.or_(job.c.needs == sa.cast([], sa.ARRAY(sa.Text)), sa.not_(_unmet))  # all that it needs has passed
_held = sa.select(1).where(attempt.c.board_id == board.c.id, attempt.c.ended_at.is_(None)).exists()
_free = sa.and_(
    ~_held,
    board.c.health.in_([Health.UNKNOWN, Health.GOOD]),
    sa.or_(board.c.reusable_at.is_(None), board.c.reusable_at <= now),
)
_wanted = sa.and_(
    job.c.state == JobState.QUEUED,
    job.c.cancel_requested_at.is_(None),
    pipeline.c.trust.is_not(None),
    may_start,
)
_waited_s = sa.extract("epoch", now - job.c.queued_at)
_class = sa.case({each.value: rank for each, rank in _ORDER.items()}, value=sa.cast(job.c.priority, sa.Text))
_urgency = _class - sa.func.floor(_waited_s / AGEING_S)
_is_active = builder.c.state == BuilderState.ACTIVE
_everything = (
    job.join(pipeline)
    .join(board, board.c.type == job.c.board_type)
    .join(configuration, configuration.c.board_id == board.c.id)
    .join(builder, builder.c.id == board.c.builder_id)
)

_candidates = (
    sa.select(job.c.id, job.c.board_type, job.c.priority)
    .select_from(_everything)
    .where(_wanted, matches, _free, _is_active, board.c.builder_id == sa.bindparam("builder_id"))
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
    .select_from(_everything)
    .where(_wanted, matches, _free, _is_active, board.c.builder_id == sa.bindparam("builder_id"))
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


_KIND = (job.c.board_type, job.c.configuration, job.c.tags, job.c.board, job.c.facts)
_targets = (
    sa.select(*_KIND, sa.func.count().label("jobs"))
    .select_from(job.join(pipeline))
    .where(_wanted)
    .group_by(*_KIND)
    .cte("targets")
)
_takers = (
    sa.select(
        _targets.c.jobs,
        sa.func.array_agg(board.c.builder_id).label("builders"),
        sa.func.array_agg(board.c.name).label("boards"),
    )
    .select_from(
        _targets.join(board, board.c.type == _targets.c.board_type)
        .join(
            configuration,
            sa.and_(configuration.c.board_id == board.c.id, configuration.c.name == _targets.c.configuration),
        )
        .join(builder, builder.c.id == board.c.builder_id)
    )
    .where(board.c.builder_id == sa.func.any(sa.bindparam("waiting", type_=sa.ARRAY(sa.Integer))))
    .where(board.c.offered, configuration.c.offered, _free, _is_active, _offered_tags.element.contains(_targets.c.tags))
    .where(sa.or_(_targets.c.board.is_(None), _targets.c.board == board.c.name), _has(_targets.c.facts))
    .group_by(*_targets.c)
)


async def takers(db: AsyncConnection, waiting: Sequence[int]) -> list[tuple[int, list[tuple[int, str]]]]:
    """For each kind of queued job: how many there are, and which free boards of the waiting builders fit.

    One query for all waiters; nothing queued costs next to nothing.
    """
    rows = await db.execute(_takers, {"waiting": list(waiting)})
    return [(row.jobs, list(zip(row.builders, row.boards, strict=True))) for row in rows]


async def register(db: AsyncConnection, builder_id: int, offers: Sequence[BoardOffer]) -> None:
    """Take over what a builder offers. What it no longer names stays, with its history, but gets no jobs."""
    await db.execute(sa.update(board).where(board.c.builder_id == builder_id).values(offered=False))
    for offer in offers:
        facts = {"type": offer.type, "description": offer.description, "tags": offer.tags, "offered": True}
        new = insert(board).values(builder_id=builder_id, name=offer.name, health_reason="", **facts)
        new = new.on_conflict_do_update(constraint="board_once", set_=facts)
        board_id = (await db.execute(new.returning(board.c.id))).scalar_one()
        await _register_configurations(db, board_id, offer)


async def _register_configurations(db: AsyncConnection, board_id: int, offer: BoardOffer) -> None:
    mine = configuration.c.board_id == board_id
    await db.execute(sa.update(configuration).where(mine).values(offered=False))
    for each in offer.configurations:
        facts = {"tags": each.tags, "limit_s": each.limit_s, "offered": True}
        new = insert(configuration).values(board_id=board_id, name=each.name, **facts)
        await db.execute(new.on_conflict_do_update(constraint="configuration_once", set_=facts))


async def types_of(db: AsyncConnection, builder_id: int) -> list[str]:
    """List the types of the boards that a builder offers."""
    wanted = sa.select(board.c.type).where(board.c.builder_id == builder_id, board.c.offered)
    return sorted(set(await db.scalars(wanted)))


async def doubt(db: AsyncConnection, board_id: int, *, reason: str, reusable_after_s: float) -> None:
    """Forget what was known of a board whose lease was lost, and keep it back for a while from now.

    A board that somebody took out stays out.
    """
    fresh = board.c.health.in_([Health.UNKNOWN, Health.GOOD])
    later = sa.func.make_interval(0, 0, 0, 0, 0, 0, reusable_after_s)
    await db.execute(
        sa.update(board)
        .where(board.c.id == board_id)
        .values(
            health=sa.case((fresh, Health.UNKNOWN.value), else_=board.c.health),
            health_reason=sa.case((fresh, reason[:500]), else_=board.c.health_reason),
            reusable_at=now + later,
        )
    )


async def quarantine(db: AsyncConnection, board_id: int, reason: str) -> None:
    """Take a board out until a person says that it is good."""
    out = {"health": Health.QUARANTINED, "health_reason": reason[:500]}
    await db.execute(sa.update(board).where(board.c.id == board_id).values(out))
