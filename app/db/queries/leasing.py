"""Leases: which attempt a claim was answered with, and the statements that open one."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.fixed import fixed
from app.db.queries import audit, boards, builders, jobs
from app.db.queries.attempts import interval, limit_s, now, with_all
from app.db.tables import attempt, attempt_board, board, builder, job, pipeline, repository, turn
from app.states import JobState
from builders.protocol import LEASE_S

_same_claim = sa.and_(attempt.c.builder_id == builder.c.id, attempt.c.claim_id == sa.bindparam("claim_id"))
_by_claim = (
    sa.select(attempt.c.id, attempt.c.accepted_at, attempt.c.ended_at, builders.is_drained.label("is_drained"))
    .select_from(builder.outerjoin(attempt, _same_claim))
    .where(builder.c.id == sa.bindparam("builder_id"))
)


async def by_claim(db: AsyncConnection, builder_id: int, claim_id: UUID) -> Any:
    """Find the attempt that a claim was answered with: id (None: with none), accepted_at, ended_at.

    `is_drained` says beside it that its builder is draining and holds no job any more.
    """
    return (await db.execute(_by_claim, {"builder_id": builder_id, "claim_id": claim_id})).one()


_also = board.alias("also")


def _facts(of: Any, names: Any) -> sa.Select[Any]:
    """Select what a builder has to know of an attempt; `names` are those of the further boards."""
    return sa.select(
        of.c.id,
        of.c.job_id,
        of.c.epoch,
        of.c.log_size,
        job.c.pipeline_id,
        job.c.board_type,
        job.c.configuration,
        job.c.priority,
        board.c.name.label("board"),
        sa.func.coalesce(names, sa.cast([], sa.ARRAY(sa.Text))).label("further"),
        board.c.hold_on_failure_s.is_not(None).label("keep_power"),
        pipeline.c.kind,
        pipeline.c.commit,
        pipeline.c.fetch_ref,
        pipeline.c.repeat,
        pipeline.c.interleaved,
        pipeline.c.compare_with,
        pipeline.c.pairs,
        pipeline.c.budget_s,
        pipeline.c.token,
        pipeline.c.from_fork,
        pipeline.c.base,
        pipeline.c.trusted_files,
        pipeline.c.arguments,
        limit_s.label("limit_s"),
        repository.c.id.label("repository_id"),
        repository.c.forge,
        repository.c.forge_id,
        repository.c.full_name,
        repository.c.clone_url,
        repository.c.private,
    ).select_from(with_all(of).join(repository, repository.c.id == pipeline.c.repository_id))


_further = (
    sa.select(sa.func.array_agg(_also.c.name))
    .join_from(attempt_board, _also, _also.c.id == attempt_board.c.board_id)
    .where(attempt_board.c.attempt_id == attempt.c.id, _also.c.id != attempt.c.board_id)
    .correlate(attempt)
    .scalar_subquery()
)
_lease = _facts(attempt, _further).where(attempt.c.id == sa.bindparam("attempt_id"))


async def lease_facts(db: AsyncConnection, attempt_id: int) -> Any:
    """Read everything a builder has to know of its attempt."""
    return (await db.execute(_lease, {"attempt_id": attempt_id})).one()


_mine = {name: sa.bindparam(f"{name}_", type_=attempt.c[name].type) for name in ("board_id", "builder_id", "claim_id")}
_nothing = {"reason": "", "no_base": "", "log_sha256": "", "log_size": 0, "log_dropped": 0, "phases": [], "began": {}}
_begin = {name: sa.literal(value, attempt.c[name].type) for name, value in _nothing.items()}
_begin |= {"lease_until": now + interval(LEASE_S)}


def _opening(job_id: Any, board_id: Any, boards_: Any) -> Any:
    """Make the statement that leases a queued job: board and boards are given, or are what another part found."""
    leased = jobs.moving(JobState.LEASED, job_id, epoch=jobs.next_epoch, reason="").cte("leased")
    values = {**_mine, "board_id": board_id, **_begin, "job_id": leased.c.id, "epoch": leased.c.epoch}
    told = [attempt.c[name] for name in ("id", "job_id", "epoch", "board_id", "log_size")]
    opened = sa.insert(attempt).from_select(list(values), sa.select(*values.values())).returning(*told).cte("opened")
    held = sa.select(opened.c.id, sa.func.unnest(boards_), sa.true())
    hold = insert(attempt_board).from_select(["attempt_id", "board_id", "is_open"], held)
    line = (job.c.board_type, job.c.priority, job.c.share)
    taken = sa.select(*line).join_from(leased, job, job.c.id == leased.c.id)
    turns = insert(turn).from_select([turn.c.board_type, turn.c.priority, turn.c.share], taken)
    turns = turns.on_conflict_do_update(constraint=turn.primary_key, set_={"taken_at": now})
    further = (
        sa.select(sa.func.array_agg(_also.c.name))
        .where(_also.c.id == sa.func.any(boards_), _also.c.id != opened.c.board_id)
        .correlate(opened)
        .scalar_subquery()
    )
    return fixed(_facts(opened, further).add_cte(hold.cte("hold"), turns.cte("take_turn")))


_boards = sa.bindparam("boards", type_=sa.ARRAY(sa.Integer))
_open = _opening(sa.bindparam("job_id_"), _mine["board_id"], _boards)
_free = boards.free_alone.cte("free")
_free_id = sa.select(_free.c.id).scalar_subquery()
_open_alone = _opening(sa.select(_free.c.job_id).scalar_subquery(), _free_id, sa.func.array(_free_id))


async def open_alone(
    db: AsyncConnection,
    *,
    job_id: int,
    actor: str,
    builder_id: int,
    names: Sequence[str],
    claim_id: UUID,
    caps: Mapping[str, int],
) -> Any:
    """Lease a queued job on a free board of a builder that it needs alone, in one statement.

    Returns:
        As `lease_facts`; None if no such board is free, or the job is not queued any more.
    Raises:
        sqlalchemy.exc.IntegrityError: the board is held, or the claim has an attempt.
    """
    ours = {"job_id": job_id, "builder_id": builder_id, "names": list(names)}
    mine = {"builder_id_": builder_id, "claim_id_": claim_id}
    told = {"actor_": actor[: audit.ACTOR_LIMIT], "detail_": ""}
    return (await db.execute(_open_alone, {**ours, **mine, **told, **caps})).one_or_none()


async def open_(
    db: AsyncConnection,
    *,
    job_id: int,
    actor: str,
    board_id: int,
    builder_id: int,
    claim_id: UUID,
    further: Sequence[int] = (),
) -> Any:
    """Lease a queued job, in one statement: open its next attempt on its boards, which is the turn of its line.

    Returns:
        As `lease_facts`; None if the job is not queued any more.
    Raises:
        sqlalchemy.exc.IntegrityError: a board is held, or the claim has an attempt.
    """
    ours = {"job_id_": job_id, "board_id_": board_id, "builder_id_": builder_id, "claim_id_": claim_id}
    told = {"actor_": actor[: audit.ACTOR_LIMIT], "detail_": "", "boards": sorted([board_id, *further])}
    return (await db.execute(_open, ours | told)).one_or_none()
