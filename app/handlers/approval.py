"""A person trusts one commit: exactly that one, by its full hash."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.models import Approval
from app.db.queries import audit, pipelines
from app.deps import Deps
from app.dispatch import plan, queue
from app.errors import Conflict, Invalid
from integrations.payload import SHA


async def approve(deps: Deps, repository_id: int, sha: str, actor: str) -> list[int]:
    """Trust a commit of a repository and queue what awaited that; return the ids of the jobs.

    Args:
        sha: the full hash; a shorter one could be met on purpose by another commit.
    Raises:
        Invalid: the hash is not a full one.
        Conflict: no pipeline of the repository has this commit.
    """
    if not SHA.fullmatch(sha):
        raise Invalid("sha: give the full hash of the commit you looked at, 40 or 64 hex digits.")
    async with deps.begin() as db:
        waiting = await pipelines.of_commit(db, repository_id, sha)
        if not waiting:
            raise Conflict(f"No pipeline of this repository is for commit {sha}: the head may have moved since.")
        await _remember(db, repository_id, sha, actor)
        queued = [job_id for pipeline_id in waiting for job_id in await _release(db, pipeline_id, sha, actor)]
    if queued:
        await queue.offer(deps, queued)
    for pipeline_id in waiting:
        await deps.notices.publish("pipeline", pipeline=pipeline_id)
    return queued


async def approver(db: AsyncConnection, repository_id: int, sha: str) -> str | None:
    """Name who trusted exactly this commit, if anybody did."""
    asked = sa.select(col(Approval.approver)).where(
        col(Approval.repository_id) == repository_id, col(Approval.commit) == sha
    )
    return await db.scalar(asked)


async def _remember(db: AsyncConnection, repository_id: int, sha: str, actor: str) -> None:
    new = insert(Approval).values(repository_id=repository_id, commit=sha, approver=actor[:200])
    await db.execute(new.on_conflict_do_nothing())


async def _release(db: AsyncConnection, pipeline_id: int, sha: str, actor: str) -> list[int]:
    await audit.record(db, "pipeline.approved", actor=actor, pipeline_id=pipeline_id, detail=sha)
    await pipelines.trust(db, pipeline_id, approved_by(actor))
    return await plan.release(db, pipeline_id, actor=actor, reason=approved_by(actor))


def approved_by(actor: str) -> str:
    """Say why an approved commit may run."""
    return f"approved by {actor}"[:200]
