"""Pipelines: opened once per meaning, read with a state that is derived from their jobs in the same query."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.fixed import fixed
from app.db.models import Job, Pipeline, Repository, Trigger
from app.states import ENDED, HELD, JobState
from builders.protocol import Kind

_WORST_FIRST = (  # of the ended ones; a test compares this with app.states
    JobState.FAILED,
    JobState.ERRORED,
    JobState.TIMED_OUT,
    JobState.CANCELLED,
    JobState.PASSED,
    JobState.SKIPPED,
)
TRUST_LIMIT = 200  # characters
SUPERSEDED = "superseded by "  # and the newer commit
CLOSED = "the pull request was closed"
DRAFT = "the pull request is a draft"
DELETED = "the branch or tag was deleted"
UNQUEUED = "the merge queue let the commit go"
AUTOMATIC = (SUPERSEDED, CLOSED, DRAFT, DELETED, UNQUEUED)  # reasons of a cancel that the pull request's return undoes
_TABLE: sa.Table = Pipeline.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, kw_only=True)
class PipelineView:
    """A pipeline as people and programs see it."""

    id: int
    state: JobState  # derived from the jobs that no retry replaced
    kind: Kind
    trigger: Trigger
    commit: str
    title: str
    branch: str | None
    pull_request: int | None
    from_fork: bool
    trust: str | None  # why it may run; None: nobody trusted it yet
    requested_by: str
    error: str | None  # why nothing could be planned
    limit_s: float | None
    repeat: int
    rule: str | None  # of the repository's rules, that asked for it
    preset: str | None  # the saved dispatch that it was asked for by
    arguments: dict[str, str]  # of the preset
    skipped_as: str  # what a commit status says of it when it is skipped: pending or success
    compare_with: str | None  # the commit it is to be held against
    compare_why: str  # how that one was found
    interleaved: bool  # both are built and run by turns
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None  # None while a job is open
    repository_id: int
    repository: str  # full name, or the address of a plain remote
    forge: str
    default_branch: str
    token_erased: bool  # it came with a token for its remote that is gone: no retry could fetch
    counts: dict[str, int]  # state → number of jobs not replaced


_insert_new = (
    insert(_TABLE).on_conflict_do_nothing(index_elements=["repository_id", "dedupe_key"]).returning(_TABLE.c.id)
)


async def insert_new(db: AsyncConnection, **values: Any) -> int | None:
    """Insert a pipeline; None if one with its dedupe key is there. Waits for a transaction that inserts it now."""
    pipeline_id: int | None = await db.scalar(_insert_new, values)
    return pipeline_id


async def lock_by_key(db: AsyncConnection, repository_id: int, dedupe_key: str) -> sa.RowMapping:
    """Read the pipeline with this key and keep others from changing it until the transaction ends."""
    asked = sa.select(_TABLE).where(
        col(Pipeline.repository_id) == repository_id, col(Pipeline.dedupe_key) == dedupe_key
    )
    return (await db.execute(asked.with_for_update())).mappings().one()


async def known_base(db: AsyncConnection, repository_id: int, commit: str) -> dict[str, Any]:
    """Find the base and the trusted files that counted when this commit of a fork was planned last; else nothing."""
    asked = sa.select(_TABLE.c.base, _TABLE.c.trusted_files).where(
        _TABLE.c.repository_id == repository_id, _TABLE.c.commit == commit, _TABLE.c.base.is_not(None)
    )
    found = (await db.execute(asked.order_by(_TABLE.c.id.desc()).limit(1))).mappings().one_or_none()
    return {} if found is None else dict(found)


async def change(db: AsyncConnection, pipeline_id: int, **values: Any) -> None:
    """Set columns of a pipeline."""
    await db.execute(sa.update(Pipeline).where(col(Pipeline.id) == pipeline_id).values(**values))


async def trust(db: AsyncConnection, pipeline_id: int, reason: str) -> None:
    """Say why a pipeline may run, unless that was said before."""
    mine = sa.update(Pipeline).where(col(Pipeline.id) == pipeline_id, col(Pipeline.trust).is_(None))
    await db.execute(mine.values(trust=reason))


async def of_commit(db: AsyncConnection, repository_id: int, commit: str) -> list[int]:
    """List the pipelines of exactly this commit, and keep others from changing them until the transaction ends."""
    asked = sa.select(col(Pipeline.id)).where(
        col(Pipeline.repository_id) == repository_id, col(Pipeline.commit) == commit
    )
    return list(await db.scalars(asked.order_by(col(Pipeline.id)).with_for_update()))


async def unplanned(db: AsyncConnection, pipeline_ids: Iterable[int]) -> list[int]:
    """List the deliveries that asked for those of some pipelines that have no job at all."""
    has_jobs = sa.exists().where(col(Job.pipeline_id) == col(Pipeline.id))
    asked = sa.select(col(Pipeline.delivery_id)).where(col(Pipeline.id).in_(list(pipeline_ids)), ~has_jobs)
    return sorted(set(await db.scalars(asked.where(col(Pipeline.delivery_id).is_not(None)))))


async def repositories_of(db: AsyncConnection, pipeline_ids: Iterable[int]) -> list[tuple[int, int, bool]]:
    """Say of which repository some pipelines are, by ids, and whether it is private; nothing of those that are gone."""
    asked = sa.select(col(Pipeline.id), col(Pipeline.repository_id), col(Repository.private))
    asked = asked.join(Repository, col(Repository.id) == col(Pipeline.repository_id))
    rows = await db.execute(asked.where(col(Pipeline.id).in_(list(pipeline_ids))))
    return [(row.id, row.repository_id, row.private) for row in rows]


async def has_jobs(db: AsyncConnection, pipeline_id: int) -> bool:
    """Tell whether anything was planned."""
    return bool(await db.scalar(sa.select(sa.exists().where(col(Job.pipeline_id) == pipeline_id))))


async def jobs_in(db: AsyncConnection, pipeline_id: int, states: Iterable[JobState]) -> list[int]:
    """List the ids of a pipeline's jobs in some states."""
    asked = sa.select(col(Job.id)).where(col(Job.pipeline_id) == pipeline_id, col(Job.state).in_(list(states)))
    return list(await db.scalars(asked.order_by(col(Job.id))))


async def jobs_cancelled_automatically(db: AsyncConnection, pipeline_id: int) -> list[int]:
    """List jobs that ended without a person's wish: their pull request or branch moved on, or went away."""
    asked = sa.select(col(Job.id)).where(
        col(Job.pipeline_id) == pipeline_id, col(Job.state) == JobState.CANCELLED, col(Job.replaced).is_(False)
    )
    automatic = sa.or_(*(col(Job.reason).startswith(reason) for reason in AUTOMATIC))
    return list(await db.scalars(asked.where(automatic).order_by(col(Job.id))))


async def open_jobs(db: AsyncConnection, repository_id: int, commit: str, trigger: Trigger) -> list[int]:
    """List the jobs of a commit that have not ended, of pipelines that this trigger opened and no branch shares."""
    asked = sa.select(col(Job.id)).join(Pipeline, col(Pipeline.id) == col(Job.pipeline_id))
    asked = asked.where(col(Pipeline.repository_id) == repository_id, col(Pipeline.commit) == commit)
    asked = asked.where(col(Pipeline.trigger) == trigger, col(Pipeline.branch).is_(None), col(Job.ended_at).is_(None))
    return list(await db.scalars(asked.order_by(col(Job.id))))


async def all_open_jobs(db: AsyncConnection, repository_id: int) -> list[int]:
    """List every job of a repository that has not ended."""
    asked = sa.select(col(Job.id)).join(Pipeline, col(Pipeline.id) == col(Job.pipeline_id))
    asked = asked.where(col(Pipeline.repository_id) == repository_id, col(Job.ended_at).is_(None))
    return list(await db.scalars(asked.order_by(col(Job.id))))


async def ended_jobs(
    db: AsyncConnection, repository_id: int, commit: str, *, job: int | None = None, pipeline: int | None = None
) -> list[int]:
    """List ended jobs of a commit that a retry would try again: those that did not pass, or all if all did.

    Args:
        job: only this one, whatever its end.
        pipeline: only those of this pipeline.
    """
    asked = sa.select(col(Job.id), col(Job.state)).join(Pipeline, col(Pipeline.id) == col(Job.pipeline_id))
    asked = asked.where(col(Pipeline.repository_id) == repository_id, col(Pipeline.commit) == commit)
    asked = asked.where(col(Job.ended_at).is_not(None), col(Job.replaced).is_(False))
    if job is not None:
        asked = asked.where(col(Job.id) == job)
    if pipeline is not None:
        asked = asked.where(col(Pipeline.id) == pipeline)
    found = list(await db.execute(asked.order_by(col(Job.id))))
    return [row.id for row in found if row.state != JobState.PASSED] or [row.id for row in found]


async def waiting_jobs(
    db: AsyncConnection,
    repository_id: int,
    *,
    pull_request: int | None = None,
    ref: str | None = None,
    commit: str | None = None,
    but: str = "",
) -> list[int]:
    """List jobs nobody has started, of a pull request or of a ref.

    Args:
        commit: only this one.
        but: leave this commit alone. What the default branch has is measured in any case.
    """
    of = col(Pipeline.pull_request) == pull_request if ref is None else col(Pipeline.fetch_ref) == ref
    if commit is not None:
        of = sa.and_(of, col(Pipeline.commit) == commit)
    asked = (
        sa.select(col(Job.id))
        .join(Pipeline, col(Pipeline.id) == col(Job.pipeline_id))
        .join(Repository, col(Repository.id) == col(Pipeline.repository_id))
        .where(col(Pipeline.repository_id) == repository_id, of, col(Pipeline.commit) != but)
        .where(col(Job.state).in_([JobState.QUEUED, JobState.AWAITING_APPROVAL]))
        .where(col(Pipeline.trigger) != Trigger.DISPATCH)
    )
    if ref is None:
        asked = asked.where(col(Pipeline.branch).is_distinct_from(col(Repository.default_branch)))
    return list(await db.scalars(asked.order_by(col(Job.id))))


async def get(db: AsyncConnection, pipeline_id: int) -> PipelineView | None:
    """Read one pipeline with its state."""
    found = (await db.execute(_get(), {"pipeline_id_": pipeline_id})).mappings().one_or_none()
    return None if found is None else _view(found)


@cache
def _get() -> sa.Select[Any]:
    return fixed(_viewed().where(col(Pipeline.id) == sa.bindparam("pipeline_id_")))


async def reason(db: AsyncConnection, pipeline_id: int) -> str:
    """Give the reason of the first job, not replaced, that has one and did not pass: text of ours or of a builder."""
    return str(await db.scalar(_reason(), {"pipeline_id_": pipeline_id}) or "")


@cache
def _reason() -> sa.Select[Any]:
    asked = sa.select(col(Job.reason)).where(
        col(Job.pipeline_id) == sa.bindparam("pipeline_id_"), col(Job.replaced).is_(False), col(Job.reason) != ""
    )
    asked = asked.where(col(Job.state).not_in([JobState.PASSED, JobState.LEASED, JobState.RUNNING]))
    worst = sa.case(
        {state.value: rank for rank, state in enumerate(_WORST_FIRST)}, value=sa.cast(col(Job.state), sa.Text)
    )
    return asked.order_by(worst, col(Job.id)).limit(1)


async def of(db: AsyncConnection, pipeline_ids: Sequence[int]) -> list[PipelineView]:
    """Read some pipelines with their states, the newest first."""
    if not pipeline_ids:
        return []
    rows = await db.execute(_of_ids(), {"pipeline_ids_": list(pipeline_ids)})
    return [_view(row) for row in rows.mappings()]


async def in_state(db: AsyncConnection, pipeline_ids: Sequence[int], state: JobState) -> list[int]:
    """Choose those of some pipelines that are in a state, the newest first."""
    if not pipeline_ids:
        return []
    return list(await db.scalars(_in_state(), {"pipeline_ids_": list(pipeline_ids), "state_": state.value}))


@cache
def _in_state() -> sa.Select[Any]:
    some = sa.func.any(sa.bindparam("pipeline_ids_", type_=ARRAY(sa.Integer)))
    wanted = sa.select(col(Pipeline.id)).select_from(Pipeline).join(_DERIVED, sa.true())
    wanted = wanted.where(col(Pipeline.id) == some, _DERIVED.c.state == sa.bindparam("state_", type_=sa.Text))
    return fixed(wanted.order_by(col(Pipeline.id).desc()))


@cache
def _of_ids() -> sa.Select[Any]:
    some = sa.func.any(sa.bindparam("pipeline_ids_", type_=ARRAY(sa.Integer)))
    return fixed(_viewed().where(col(Pipeline.id) == some).order_by(col(Pipeline.id).desc()))


def _any(*states: JobState) -> sa.ColumnElement[bool]:
    return sa.func.coalesce(sa.func.bool_or(col(Job.state).in_(states)), False)


def _derived_state() -> sa.ColumnElement[str]:
    """Say `states.pipeline_state` in SQL."""
    running = sa.or_(_any(*sorted(HELD)), sa.and_(_any(JobState.QUEUED), _any(*sorted(ENDED))))
    waiting = (JobState.AWAITING_APPROVAL, JobState.QUEUED)
    return sa.case(
        (running, sa.literal(JobState.RUNNING.value)),
        *((_any(state), sa.literal(state.value)) for state in (*waiting, *_WORST_FIRST)),
        else_=sa.literal(JobState.ERRORED.value),
    )


_DERIVED = (
    sa.select(
        _derived_state().label("state"),
        sa.func.coalesce(sa.func.array_agg(sa.cast(col(Job.state), sa.Text)), sa.cast([], ARRAY(sa.Text))).label(
            "states"
        ),
        sa.func.min(col(Job.started_at)).label("started_at"),
        sa.case((sa.func.bool_and(col(Job.ended_at).is_not(None)), sa.func.max(col(Job.ended_at)))).label("ended_at"),
    )
    .where(col(Job.pipeline_id) == col(Pipeline.id), col(Job.replaced).is_(False))
    .lateral("derived")
)

_OWN = (
    *("id", "kind", "trigger", "commit", "title", "branch", "pull_request", "from_fork", "trust", "requested_by"),
    *(
        "error",
        "limit_s",
        "repeat",
        "rule",
        "preset",
        "arguments",
        "skipped_as",
        "compare_with",
        "created_at",
        "repository_id",
    ),
    *("compare_why", "interleaved"),
)


def _viewed() -> sa.Select[Any]:
    return (
        sa.select(
            *(_TABLE.c[name] for name in _OWN),
            col(Repository.full_name).label("repository"),
            col(Repository.forge),
            col(Repository.default_branch),
            (sa.func.coalesce(_TABLE.c.token, b"-") == b"").label("token_erased"),
            *_DERIVED.c,
        )
        .select_from(Pipeline)
        .join(Repository, col(Repository.id) == col(Pipeline.repository_id))
        .join(_DERIVED, sa.true())
    )


def _view(found: sa.RowMapping) -> PipelineView:
    values = dict(found)
    states = values.pop("states")
    counts = {state.value: states.count(state.value) for state in JobState if state.value in states}
    return PipelineView(**{**values, "state": JobState(values["state"]), "counts": counts})
