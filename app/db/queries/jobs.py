"""Jobs: the only place where a job's state is set, and the questions asked of the queue."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.fixed import fixed
from app.db.models import Priority, Trigger
from app.db.queries import audit, statuses
from app.db.queries.boards import Target
from app.db.tables import job, pipeline, pull_request, repository
from app.errors import Conflict, NotFound, TokenErased
from app.states import ENDED, HELD, OPEN, JobState, sources
from builders.protocol import MAX_REASON

RETRIES = 2  # of a job whose infrastructure was lost
SUPERSEDED_LIMIT = 10_000  # open jobs of one branch or pull request

now = sa.func.now()
next_epoch = job.c.epoch + 1
_board_is_back = sa.case((job.c.reason.startswith(statuses.WAITS), ""), else_=job.c.reason)
ERASED = b""  # in the place of a token
_was_sealed = sa.select(pipeline.c.token > ERASED).where(pipeline.c.id == job.c.pipeline_id).scalar_subquery()


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a job stands in its pipeline, beside its target."""

    group: str = ""
    needs: tuple[str, ...] = ()  # groups whose jobs must all have passed before it starts
    facts: Mapping[str, Sequence[str]] = field(default_factory=dict)  # that its builder must have


async def move(
    db: AsyncConnection,
    job_id: int,
    new: JobState,
    *,
    actor: str = "service",
    reason: str | None = None,
    **also: Any,
) -> int | None:
    """Move a job along a legal edge, with its audit line and its statuses marked for sending.

    Args:
        also: further columns to set with it.
    Returns:
        The job's epoch, or None if the job is not in a state from which it may move there.
    """
    if reason is not None:
        also["reason"] = reason[:MAX_REASON]
    elif new is JobState.LEASED:
        also["reason"] = _board_is_back
    computed = tuple((name, value) for name, value in also.items() if isinstance(value, sa.ClauseElement))
    given = {f"{name}_": value for name, value in also.items() if not isinstance(value, sa.ClauseElement)}
    told = {"job_id_": job_id, "actor_": actor[: audit.ACTOR_LIMIT], "detail_": (reason or "")[: audit.DETAIL_LIMIT]}
    found = (await db.execute(_move(new, tuple(given), computed), told | given)).one_or_none()
    if found is None:
        return None
    if new in ENDED and found.was_sealed:
        await erase_tokens(db, found.pipeline_id)
    return int(found.epoch)


@lru_cache(maxsize=64)
def _move(new: JobState, given: tuple[str, ...], computed: tuple[tuple[str, Any], ...]) -> sa.Select[Any]:
    """Make the statement of a move: job, audit line and statuses in one trip, made once for each kind of move."""
    columns = {name.removesuffix("_"): sa.bindparam(name, type_=job.c[name.removesuffix("_")].type) for name in given}
    return fixed(moving(new, sa.bindparam("job_id_"), **columns, **dict(computed)))


def moving(new: JobState, job_id: Any, **values: Any) -> sa.Select[Any]:
    """Make the statement of `move`, for use as a part of another one too. It asks for `actor_` and `detail_`."""
    change = sa.update(job).where(job.c.id == job_id, job.c.state.in_(sources(new)))
    change = change.values({"state": new, **_times(new), **values})
    moved = change.returning(job.c.id, job.c.epoch, job.c.pipeline_id, _was_sealed.label("was_sealed")).cte("moved")
    line = audit.line(f"job.{new}", job_id=moved.c.id, pipeline_id=moved.c.pipeline_id)
    touch = statuses.touching(sa.select(moved.c.pipeline_id).scalar_subquery())
    return sa.select(moved).add_cte(line.cte("line"), touch.cte("touch"))


def _times(new: JobState) -> dict[str, Any]:
    """Name the columns of time that a move sets. A job that is queued again keeps its place."""
    if new in ENDED:
        return {"ended_at": now}
    if new is JobState.QUEUED:
        return {"queued_at": sa.func.coalesce(job.c.queued_at, now), "started_at": None}
    return {"started_at": now} if new is JobState.RUNNING else {}


async def erase_tokens(db: AsyncConnection, pipeline_id: int | None = None) -> int:
    """Forget the remote's token, but not that there was one, of every pipeline (or of one) without an open job."""
    open_jobs = sa.select(1).where(job.c.pipeline_id == pipeline.c.id, job.c.ended_at.is_(None)).exists()
    change = sa.update(pipeline).where(pipeline.c.token > ERASED, ~open_jobs).values(token=ERASED)
    if pipeline_id is not None:
        change = change.where(pipeline.c.id == pipeline_id)
    return (await db.execute(change)).rowcount


async def add(
    db: AsyncConnection,
    pipeline_id: int,
    target: Target,
    *,
    state: JobState,
    priority: Priority,
    board: str | None = None,
    board_id: int | None = None,
    place: Place = Place(),
    generation: int = 0,
) -> int | None:
    """Add a job for one target, queued or awaiting approval; None if the pipeline has it already.

    Args:
        board: only on the board of this name.
        board_id: a check of exactly this board, which is not tried again by itself.
    """
    values = {
        "pipeline_id": pipeline_id,
        "board_type": target.board_type,
        "configuration": target.configuration,
        "tags": list(target.tags),
        "board": board,
        "board_id": board_id,
        "retries_left": RETRIES if board_id is None else 0,
        "facts": {name: list(words) for name, words in place.facts.items()},
        "target_group": place.group,
        "needs": list(place.needs),
        "reason": f"waits for group {' and '.join(map(repr, place.needs))}" if place.needs else "",
        "generation": generation,
        "priority": priority,
    }
    given = {f"{name}_": value for name, value in values.items()} | {"actor_": "service", "detail_": ""}
    job_id: int | None = await db.scalar(_add(state, tuple(values)), given)
    return job_id


@lru_cache(maxsize=8)
def _add(state: JobState, names: tuple[str, ...]) -> sa.Select[Any]:
    """Make the statement that adds a job with its audit line."""
    given = {name: sa.bindparam(f"{name}_", type_=job.c[name].type) for name in names}
    also = {
        "state": state,
        "share": _share(given["pipeline_id"]),
        "queued_at": now if state is JobState.QUEUED else None,
    }
    added = insert(job).values(given | also).on_conflict_do_nothing()
    new = added.returning(job.c.id, job.c.pipeline_id).cte("new")
    line = audit.line(f"job.{state}", job_id=new.c.id, pipeline_id=new.c.pipeline_id)
    return sa.select(new.c.id).add_cte(line.cte("line"))


def _share(pipeline_id: Any) -> Any:
    """Say whose turn a job's start is: that of the fork's owner in this repository, or of the repository.

    Whoever asked, a fork stays its owner's. Where the owner was not written down, the pull request's author counts.
    """
    about = (pull_request.c.repository_id == pipeline.c.repository_id, pull_request.c.number == pipeline.c.pull_request)
    author = sa.select(sa.func.nullif(pull_request.c.author, "")).where(*about).scalar_subquery()
    owner = sa.func.coalesce(pipeline.c.fork_owner, author, pipeline.c.requested_by)
    whose = sa.case(
        (pipeline.c.from_fork, sa.func.concat("fork:", pipeline.c.repository_id, ":", owner)),
        else_=sa.func.concat("repository:", pipeline.c.repository_id),
    )
    return sa.select(sa.func.left(whose, 300)).where(pipeline.c.id == pipeline_id).scalar_subquery()


async def get(db: AsyncConnection, job_id: int) -> sa.Row[Any]:
    """Read one job.

    Raises:
        NotFound: there is none with this id.
    """
    found = (await db.execute(sa.select(job).where(job.c.id == job_id))).one_or_none()
    if found is None:
        raise NotFound(f"There is no job {job_id}.")
    return found


async def lock(db: AsyncConnection, job_id: int) -> sa.Row[Any]:
    """Lock a job's row until the end of the transaction, and read it."""
    return (await db.execute(_lock, {"job_id_": job_id})).one()


_lock = sa.select(job).where(job.c.id == sa.bindparam("job_id_")).with_for_update()


async def request_cancel(db: AsyncConnection, job_id: int, *, actor: str, reason: str) -> JobState:
    """Cancel a job that nobody holds at once; ask for the end of one that a builder runs.

    Returns:
        The state after it: an ended job stays as it ended.
    Raises:
        NotFound: there is no such job.
    """
    wanted = sa.select(job.c.state, job.c.pipeline_id, job.c.cancel_requested_at).where(job.c.id == job_id)
    found = (await db.execute(wanted.with_for_update())).one_or_none()
    if found is None:
        raise NotFound(f"There is no job {job_id}.")
    state = JobState(found.state)
    if state in ENDED:
        return state
    if state not in HELD:
        await move(db, job_id, JobState.CANCELLED, actor=actor, reason=reason, cancel_reason=reason[:500])
        return JobState.CANCELLED
    if found.cancel_requested_at is None:
        asked = {"cancel_requested_at": now, "cancel_reason": reason[:500]}
        await db.execute(sa.update(job).where(job.c.id == job_id).values(asked))
        await audit.record(
            db,
            "job.cancel_requested",
            actor=actor,
            job_id=job_id,
            pipeline_id=found.pipeline_id,
            detail=reason,
        )
    return state


def _token_is_erased(job_id: int) -> str:
    return (
        f"Job {job_id} cannot be retried: the token for its remote was erased when the pipeline had ended. "
        "Dispatch the commit again, with --token."
    )


async def retry(db: AsyncConnection, job_id: int, *, actor: str) -> int:
    """Add a new job in the place of an ended one, which stays as it ended; return its id.

    Raises:
        NotFound: there is no such job.
        Conflict: it has not ended, or has been retried already.
        TokenErased: it was dispatched with a token that is gone.
    """
    wanted = sa.select(job, pipeline.c.trust, pipeline.c.token).join(pipeline).where(job.c.id == job_id)
    old = (await db.execute(wanted.with_for_update(of=job))).one_or_none()
    if old is None:
        raise NotFound(f"There is no job {job_id}.")
    if old.ended_at is None:
        raise Conflict(f"Job {job_id} is {old.state}: only an ended job can be retried; cancel it first.")
    if old.board_id is not None:
        raise Conflict(f"Job {job_id} is the check of a board; `rigline board check {old.board}` asks for a new one.")
    if old.replaced:
        raise Conflict(f"Job {job_id} was retried before; retry the job that replaced it.")
    if old.token == ERASED:
        raise TokenErased(_token_is_erased(job_id))
    target = Target(board_type=old.board_type, configuration=old.configuration, tags=tuple(old.tags))
    new = await add(
        db,
        old.pipeline_id,
        target,
        state=JobState.QUEUED if old.trust is not None else JobState.AWAITING_APPROVAL,
        priority=Priority(old.priority),
        board=old.board,
        place=Place(group=old.target_group, needs=tuple(old.needs), facts=old.facts),
        generation=old.generation + 1,
    )
    if new is None:
        raise Conflict(f"Job {job_id} was retried before; retry the job that replaced it.")
    await db.execute(sa.update(job).where(job.c.id == job_id).values(replaced=True))
    await audit.record(
        db, "job.retried", actor=actor, job_id=job_id, pipeline_id=old.pipeline_id, detail=f"by job {new}"
    )
    await statuses.touch(db, old.pipeline_id)
    return new


async def superseded(
    db: AsyncConnection,
    repository_id: int,
    *,
    but: str,
    branch: str | None = None,
    pull_request: int | None = None,
    waiting: Sequence[str] | None = None,
    kept: Sequence[str] = (),
    running: Sequence[str] = (),
) -> list[int]:
    """List the jobs that a newer head of a branch or pull request makes pointless, by the rules that asked for them.

    What a person or a clock asked for stays, and of a pull request what the default branch has too.

    Args:
        but: the newest head.
        waiting: rules whose jobs that nobody has started are meant; None: all.
        kept: rules whose jobs are not meant.
        running: rules whose jobs are meant even if a builder runs them.
    """
    rule = sa.func.coalesce(pipeline.c.rule, "")
    idle = job.c.state.in_([JobState.QUEUED, JobState.AWAITING_APPROVAL])
    meant = sa.and_(idle, rule.not_in(list(kept)), sa.true() if waiting is None else rule.in_(list(waiting)))
    same = pipeline.c.branch == branch
    if pull_request is not None:
        same = sa.and_(
            pipeline.c.pull_request == pull_request, pipeline.c.branch.is_distinct_from(repository.c.default_branch)
        )
    wanted = (
        sa.select(job.c.id)
        .select_from(job.join(pipeline).join(repository, repository.c.id == pipeline.c.repository_id))
        .where(pipeline.c.repository_id == repository_id, same, pipeline.c.commit != but)
        .where(pipeline.c.trigger.in_([Trigger.PUSH, Trigger.PULL_REQUEST]), job.c.ended_at.is_(None))
        .where(sa.or_(meant, rule.in_(list(running))))
        .order_by(job.c.id)
        .limit(SUPERSEDED_LIMIT)
    )
    return list(await db.scalars(wanted))


async def queued(db: AsyncConnection, job_ids: Sequence[int] | None = None, limit: int = 100_000) -> list[sa.Row[Any]]:
    """List queued jobs in the order in which they were queued: id, board_type, priority, waited_s.

    `is_for_any`: no single board is named.
    """
    if job_ids is None:
        return list(await db.execute(_first_queued(limit)))
    return list(await db.execute(_queued_of, {"job_ids": list(job_ids)}))


_waited_s = sa.extract("epoch", now - job.c.queued_at).label("waited_s")
_is_for_any = sa.and_(job.c.board.is_(None), job.c.board_id.is_(None)).label("is_for_any")
_queued = (
    sa.select(job.c.id, job.c.board_type, job.c.priority, _waited_s, _is_for_any)
    .where(job.c.state == JobState.QUEUED)
    .order_by(job.c.queued_at, job.c.id)
)


@lru_cache(maxsize=4)
def _first_queued(limit: int) -> sa.Select[Any]:
    return _queued.limit(limit)


_queued_of = _queued.where(job.c.id == sa.func.any(sa.bindparam("job_ids", type_=sa.ARRAY(sa.Integer))))


async def places(db: AsyncConnection, job_ids: Sequence[int]) -> list[sa.Row[Any]]:
    """Read where jobs belong: id, pipeline_id, board_type, priority, state, and for how long it has ended."""
    return list(await db.execute(_places, {"job_ids": list(job_ids)}))


_ended_s = sa.func.coalesce(sa.extract("epoch", now - job.c.ended_at), 0).label("ended_s")
_places = (
    sa.select(job.c.id, job.c.pipeline_id, job.c.board_type, job.c.priority, job.c.state, _ended_s)
    .where(job.c.id == sa.func.any(sa.bindparam("job_ids", type_=sa.ARRAY(sa.Integer))))
    .order_by(job.c.id)
)


async def states_of(db: AsyncConnection, job_ids: Iterable[int]) -> dict[int, JobState]:
    """Read the states of some jobs; one that does not exist is left out."""
    wanted = sa.select(job.c.id, job.c.state).where(job.c.id.in_(list(job_ids)))
    return {row.id: JobState(row.state) for row in await db.execute(wanted)}


async def open_of_pipeline(db: AsyncConnection, pipeline_id: int) -> list[int]:
    """List the jobs of a pipeline that have not ended."""
    wanted = sa.select(job.c.id).where(job.c.pipeline_id == pipeline_id, job.c.state.in_(list(OPEN)))
    return list(await db.scalars(wanted.order_by(job.c.id)))
