"""What comments set going: their pipelines by the comment that asked, and the jobs that a command may mean."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import heard, job, pipeline
from app.states import ENDED, OPEN, JobState

KEY = "command:"  # how the dedupe key of such a pipeline begins; then the comment, and which of its commands
MOST_JOBS = 1_000  # of a pull request, that one command means


@dataclass(frozen=True, kw_only=True)
class JobFound:
    """A job as far as a command needs to know it."""

    id: int
    pipeline_id: int
    state: JobState
    is_replaced: bool
    actor_id: int | None  # who asked for it in a comment


def dedupe_key(heard_id: int, index: int, part: str = "") -> str:
    """Name the pipeline of one command: carried out again after a crash, it is the same one."""
    return f"{KEY}{heard_id}:{index}{f':{part}' if part else ''}"


_asked_by = sa.case(
    (pipeline.c.dedupe_key.startswith(KEY), sa.cast(sa.func.split_part(pipeline.c.dedupe_key, ":", 2), sa.BigInteger))
)
_found = (
    sa.select(job.c.id, job.c.pipeline_id, job.c.state, job.c.replaced.label("is_replaced"), heard.c.actor_id)
    .select_from(job.join(pipeline))
    .outerjoin(heard, sa.and_(heard.c.id == _asked_by, heard.c.repository_id == pipeline.c.repository_id))
    .order_by(job.c.id)
    .limit(MOST_JOBS)
)


def _of(repository_id: int, number: int) -> sa.ColumnElement[bool]:
    """Mean a pull request's pipelines, also the base that one of its comments asked for."""
    its = sa.or_(pipeline.c.pull_request == number, heard.c.pull_request == number)
    return sa.and_(pipeline.c.repository_id == repository_id, its)


async def _list(db: AsyncConnection, asked: sa.Select[tuple[int, int, str, bool, int]]) -> list[JobFound]:
    rows = (await db.execute(asked)).mappings()
    return [JobFound(**{**row, "state": JobState(row["state"])}) for row in rows]


async def open_jobs(
    db: AsyncConnection, repository_id: int, number: int, *, actor_id: int | None = None
) -> list[JobFound]:
    """List the jobs of a pull request that have not ended: all, or those that somebody asked for in a comment."""
    asked = _found.where(_of(repository_id, number), job.c.state.in_(list(OPEN)))
    return await _list(db, asked if actor_id is None else asked.where(heard.c.actor_id == actor_id))


async def jobs_at(db: AsyncConnection, repository_id: int, number: int, commit: str) -> list[JobFound]:
    """List the jobs, not replaced, of one commit of a pull request."""
    asked = _found.where(_of(repository_id, number), pipeline.c.commit == commit, job.c.replaced.is_(False))
    return await _list(db, asked)


async def one_job(db: AsyncConnection, repository_id: int, number: int, job_id: int) -> JobFound | None:
    """Find a job of a pull request by its number; None for one of anything else."""
    found = await _list(db, _found.where(_of(repository_id, number), job.c.id == job_id))
    return found[0] if found else None


async def last_measured(db: AsyncConnection, repository_id: int, branch: str) -> str | None:
    """Name the newest commit of a branch that passed as a whole."""
    bad = sa.select(1).where(
        job.c.pipeline_id == pipeline.c.id, job.c.replaced.is_(False), job.c.state != JobState.PASSED
    )
    good = sa.select(1).where(job.c.pipeline_id == pipeline.c.id, job.c.state == JobState.PASSED)
    asked = sa.select(pipeline.c.commit).where(
        pipeline.c.repository_id == repository_id,
        pipeline.c.branch == branch,
        pipeline.c.kind == "run",
        pipeline.c.trigger.in_(["push", "schedule"]),
        good.exists(),
        ~bad.exists(),
    )
    return await db.scalar(asked.order_by(pipeline.c.id.desc()).limit(1))


async def newest_pipeline(db: AsyncConnection, repository_id: int, number: int, commit: str) -> int | None:
    """Name the newest pipeline of one commit of a pull request."""
    asked = sa.select(pipeline.c.id).where(
        pipeline.c.repository_id == repository_id, pipeline.c.pull_request == number, pipeline.c.commit == commit
    )
    return await db.scalar(asked.order_by(pipeline.c.id.desc()).limit(1))


def to_retry(found: Sequence[JobFound], *, everything: bool) -> list[int]:
    """Pick what ended, or what ended without passing."""
    ended = [each for each in found if each.state in ENDED and not each.is_replaced]
    return [each.id for each in ended if everything or each.state is not JobState.PASSED]
