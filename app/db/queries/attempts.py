"""Attempts: the lease, its fence, its heartbeat and its one end."""

import hashlib
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
import zstandard
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.fixed import fixed
from app.db.queries import audit, jobs
from app.db.queries.boards import LIMIT_S
from app.db.tables import (
    attempt,
    attempt_board,
    board,
    builder,
    configuration,
    job,
    pipeline,
    result,
)
from app.states import JobState
from builders.protocol import (
    ACCEPT_S,
    CANCEL_GRACE_S,
    FORCE_UNCONFIRMED_S,
    LEASE_S,
    MAX_REASON,
    Finish,
    ResultFile,
    Side,
    WantedFormat,
)

FORCE_S = CANCEL_GRACE_S + 5.0  # after the polite request: the builder's own kill comes first
UNCONFIRMED_S = FORCE_S + FORCE_UNCONFIRMED_S  # after the polite request: the service itself says cancelled
BINARY = "binary_sha256"  # key of the facts of an execution
OVER_S = 60.0  # after a job's limit: the builder should have ended it itself

now = sa.func.now()
_opened_s = sa.extract("epoch", now - attempt.c.opened_at)


def interval(seconds: float) -> Any:
    """Express seconds for the database's clock."""
    return sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)


# The limit that counts from the claim: the smaller one of the pipeline's and the configuration's.
limit_s = sa.func.coalesce(sa.func.least(pipeline.c.limit_s, configuration.c.limit_s), LIMIT_S)


def with_all(of: Any) -> Any:
    """Join an attempt, or what has its job_id and board_id, with all that it is about."""
    own = sa.and_(configuration.c.board_id == board.c.id, configuration.c.name == job.c.configuration)
    there = of.join(job, job.c.id == of.c.job_id).join(pipeline, pipeline.c.id == job.c.pipeline_id)
    return there.join(board, board.c.id == of.c.board_id).outerjoin(configuration, own)


everything = with_all(attempt)

_phase = sa.bindparam("phase_", type_=attempt.c.phase.type)
_told = sa.cast(sa.bindparam("phase_told", type_=sa.Text), sa.Text)  # the same, as the key of a time
_began = sa.func.jsonb_build_object(_told, now).op("||")(attempt.c.began)  # a time that is there stays
_beat = (
    sa.update(attempt)
    .where(attempt.c.id == sa.bindparam("attempt_id"), attempt.c.builder_id == sa.bindparam("builder_id_"))
    .where(attempt.c.epoch == sa.bindparam("epoch_"), attempt.c.ended_at.is_(None))
    .values(
        lease_until=now + interval(LEASE_S),
        accepted_at=sa.func.coalesce(attempt.c.accepted_at, now),
        phase=sa.func.coalesce(_phase, attempt.c.phase),
        began=sa.case((_told.is_(None), attempt.c.began), else_=_began),
    )
    .returning(
        attempt.c.id,
        attempt.c.job_id,
        (attempt.c.accepted_at == now).label("is_first"),
        (sa.cast(attempt.c.began[_told].astext, attempt.c.opened_at.type) == now).label("is_turn"),
    )
    .cte("beaten")
)
_accepted = jobs.moving(JobState.RUNNING, sa.select(_beat.c.job_id).where(_beat.c.is_first).scalar_subquery()).cte(
    "accepted"
)
_cancelled_s = sa.extract("epoch", now - job.c.cancel_requested_at).label("cancelled_s")
_left_s = (limit_s - _opened_s).label("left_s")
_beaten = fixed(
    sa.select(_beat.c.job_id, _beat.c.is_first, _beat.c.is_turn, job.c.pipeline_id, _cancelled_s, _left_s)
    .select_from(everything.join(_beat, _beat.c.id == attempt.c.id))
    .add_cte(_accepted)
)


async def beat(
    db: AsyncConnection, attempt_id: int, *, builder_id: int, actor: str, epoch: int, phase: str | None
) -> sa.Row[Any] | None:
    """Extend an open attempt's lease; the first time its job moves to running. All in one statement.

    Returns:
        job_id, pipeline_id, is_first, is_turn (the first beat of a phase), the seconds since the cancel was asked
        for, and those left of the limit.
        None if the attempt is not this builder's, or stale, or has ended.
    """
    asked: dict[str, Any] = {"attempt_id": attempt_id, "builder_id_": builder_id, "epoch_": epoch}
    asked |= {"phase_": phase, "phase_told": phase}
    told = {"actor_": actor[: audit.ACTOR_LIMIT], "detail_": ""}
    return (await db.execute(_beaten, asked | told)).one_or_none()


_wishes = (
    sa.select(attempt.c.id, attempt.c.ended_at, attempt.c.epoch, attempt.c.builder_id, _cancelled_s, _left_s)
    .select_from(everything)
    .where(attempt.c.id == sa.func.any(sa.bindparam("attempt_ids", type_=sa.ARRAY(sa.Integer))))
)


async def wishes(db: AsyncConnection, attempt_ids: list[int]) -> list[sa.Row[Any]]:
    """Read what the service wants of attempts: seconds since the cancel was asked for, and left of the limit."""
    return list(await db.execute(_wishes, {"attempt_ids": attempt_ids}))


_since_lost = now - attempt.c.lease_until
_due = {
    "is_unaccepted": sa.and_(attempt.c.accepted_at.is_(None), attempt.c.opened_at < now - interval(ACCEPT_S)),
    "is_lost": sa.and_(attempt.c.accepted_at.is_not(None), attempt.c.lease_until < now),
    "is_unconfirmed": job.c.cancel_requested_at < now - interval(UNCONFIRMED_S),
    "is_over": _opened_s > limit_s + OVER_S,
}


async def due(db: AsyncConnection, *, attempt_id: int | None = None, limit: int = 1) -> list[sa.Row[Any]]:
    """List open attempts that the service has to end, and by which causes; or look at one of them."""
    wanted = _overdue(limit)
    if attempt_id is not None:
        wanted = wanted.where(attempt.c.id == attempt_id)
    return list(await db.execute(wanted))


@lru_cache(maxsize=4)
def _overdue(limit: int) -> sa.Select[Any]:
    causes = [sa.func.coalesce(cause, sa.false()).label(name) for name, cause in _due.items()]
    return (
        sa.select(
            attempt.c.id,
            attempt.c.job_id,
            attempt.c.board_id,
            builder.c.name.label("builder"),
            job.c.pipeline_id,
            job.c.retries_left,
            job.c.cancel_requested_at,
            limit_s.label("limit_s"),
            sa.extract("epoch", _since_lost).label("lost_s"),
            *causes,
        )
        .select_from(everything.join(builder, builder.c.id == attempt.c.builder_id))
        .where(attempt.c.ended_at.is_(None), sa.or_(*_due.values()))
        .order_by(attempt.c.id)
        .limit(limit)
    )


async def boards_of(db: AsyncConnection, attempt_id: int) -> list[int]:
    """List the boards of an attempt, further ones too, in the order in which they are locked."""
    wanted = sa.select(attempt_board.c.board_id).where(attempt_board.c.attempt_id == attempt_id)
    return list(await db.scalars(wanted.order_by(attempt_board.c.board_id)))


async def held(db: AsyncConnection) -> list[sa.Row[Any]]:
    """List the jobs that builders hold: id, board_type, priority, builder, held_s."""
    return list(await db.execute(_held))


_held = (
    sa.select(job.c.id, job.c.board_type, job.c.priority, builder.c.name.label("builder"), _opened_s.label("held_s"))
    .select_from(attempt.join(job, job.c.id == attempt.c.job_id).join(builder, builder.c.id == attempt.c.builder_id))
    .where(attempt.c.ended_at.is_(None))
    .order_by(job.c.id)
)


async def open_of(db: AsyncConnection, builder_id: int) -> list[int]:
    """List the attempts that a builder holds."""
    wanted = sa.select(attempt.c.id).where(attempt.c.builder_id == builder_id, attempt.c.ended_at.is_(None))
    return list(await db.scalars(wanted.order_by(attempt.c.id)))


async def lock(db: AsyncConnection, attempt_id: int) -> sa.Row[Any] | None:
    """Lock an attempt's row against beats, appends and ends of others, and read it."""
    return (await db.execute(_lock, {"attempt_id": attempt_id})).one_or_none()


_get = sa.select(attempt).where(attempt.c.id == sa.bindparam("attempt_id"))
_lock = _get.with_for_update()


async def get(db: AsyncConnection, attempt_id: int) -> sa.Row[Any] | None:
    """Read one attempt."""
    return (await db.execute(_get, {"attempt_id": attempt_id})).one_or_none()


async def latest(db: AsyncConnection, job_id: int) -> sa.Row[Any] | None:
    """Read the newest attempt of a job with the names of its builder and board; None before the first."""
    wanted = (
        sa.select(attempt, builder.c.name.label("builder"), board.c.name.label("board"))
        .select_from(
            attempt.join(builder, builder.c.id == attempt.c.builder_id).join(board, board.c.id == attempt.c.board_id)
        )
        .where(attempt.c.job_id == job_id)
        .order_by(attempt.c.epoch.desc())
        .limit(1)
    )
    return (await db.execute(wanted)).one_or_none()


async def end(db: AsyncConnection, attempt_id: int, outcome: JobState, reason: str, **also: Any) -> int | None:
    """End an open attempt, which frees its boards; return its job's id, or None if it had ended."""
    values = {"outcome": outcome, "reason": reason[:MAX_REASON], **also}
    given = {"attempt_id_": attempt_id, **{f"{name}_": value for name, value in values.items()}}
    job_id: int | None = await db.scalar(_end(tuple(values)), given)
    return job_id


@lru_cache(maxsize=8)
def _end(names: tuple[str, ...]) -> sa.UpdateBase:
    """Make the statement of `end`, once for all ends that tell as much."""
    told: dict[str, Any] = {name: sa.bindparam(f"{name}_", type_=attempt.c[name].type) for name in names}
    mine = sa.update(attempt).where(attempt.c.id == sa.bindparam("attempt_id_"), attempt.c.ended_at.is_(None))
    return mine.values(ended_at=now, **told).returning(attempt.c.job_id)


def told(said: Finish, digest: bytes) -> dict[str, Any]:
    """Turn a finish into the columns that keep it."""
    return {
        "said": digest,
        "exit_code": said.exit_code,
        "phase": said.phase,
        "phases": [{"phase": each.phase, "seconds": each.seconds, "exit_code": each.exit_code} for each in said.phases],
        "log_sha256": said.log_sha256,
        "log_dropped": said.log_dropped,
        "no_base": said.no_base,
    }


async def store_result(
    db: AsyncConnection, attempt_id: int, number: int, file: bytes, *, side: Side, pair: int | None, binary: str
) -> str:
    """Keep the result file of one run phase; sent again, the last one stands until the attempt ends.

    Args:
        binary: SHA-256 of what was run, as its builder says; "" if it does not.
    Returns:
        The file's SHA-256.
    """
    size, sha = len(file), hashlib.sha256(file).hexdigest()
    packed = zstandard.ZstdCompressor().compress(file) if file else b""
    of = {"side": side, "pair": pair, "env": {BINARY: binary} if binary else {}}
    values = {"attempt_id": attempt_id, "number": number, "data": packed, "size": size, "sha256": sha, "note": ""}
    new = insert(result).values(values | of)
    changed = {"data": new.excluded.data, "size": size, "sha256": sha, "stored_at": now, **of}
    is_other = sa.or_(result.c.sha256 != sha, result.c.side != side, result.c.pair.is_distinct_from(pair))
    await db.execute(new.on_conflict_do_update(constraint="result_once", set_=changed, where=is_other))
    return sha


async def results_of(db: AsyncConnection, attempt_id: int) -> dict[int, ResultFile]:
    """Read which result files of an attempt are stored, by their numbers."""
    named = [result.c[name] for name in ("number", "size", "sha256", "side", "pair", "wanted")]
    rows = (await db.execute(sa.select(*named).where(result.c.attempt_id == attempt_id))).mappings()
    return {
        row["number"]: ResultFile(**{**row, "wanted": row["wanted"] and WantedFormat(**row["wanted"])}) for row in rows
    }
