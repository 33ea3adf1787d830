"""Approvals: who trusted which commit, and how. One commit of one repository each; nothing wider can be said."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.models import Approval, Job, Pipeline, PullRequest
from app.states import JobState

APPROVED_BY = "approved by "  # how the trust of an approved pipeline begins
_TABLE: sa.Table = Approval.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, kw_only=True)
class Approver:
    """Who says that a commit may run, and by which way that came to us."""

    name: str
    id: int | None = None  # on the forge; None: an account of ours
    via: str = "admin"  # admin, command, review, label, page
    pull_request: int | None = None
    delivery_id: int | None = None


async def add(db: AsyncConnection, repository_id: int, commit: str, approver: Approver) -> bool:
    """Remember an approval; False if the commit was approved before, which stays as it was."""
    new = insert(Approval).values(
        repository_id=repository_id,
        commit=commit,
        approver=approver.name[:200],
        approver_id=approver.id,
        via=approver.via,
        pull_request=approver.pull_request,
        delivery_id=approver.delivery_id,
    )
    return await db.scalar(new.on_conflict_do_nothing().returning(col(Approval.id))) is not None


async def of(db: AsyncConnection, repository_id: int, commit: str) -> sa.RowMapping | None:
    """Read who approved exactly this commit."""
    asked = sa.select(_TABLE).where(col(Approval.repository_id) == repository_id, col(Approval.commit) == commit)
    return (await db.execute(asked)).mappings().one_or_none()


async def list_(db: AsyncConnection, repository_id: int, *, limit: int = 20) -> list[sa.RowMapping]:
    """List what was approved last in a repository."""
    asked = sa.select(_TABLE).where(_TABLE.c.repository_id == repository_id).order_by(_TABLE.c.id.desc()).limit(limit)
    return list((await db.execute(asked)).mappings())


async def withdraw(db: AsyncConnection, repository_id: int, pull_request: int) -> list[str]:
    """Forget the approvals of a pull request, whatever way they came; return their commits. The audit keeps them."""
    of_its_pipelines = sa.select(col(Pipeline.commit)).where(
        col(Pipeline.repository_id) == repository_id, col(Pipeline.pull_request) == pull_request
    )
    its_head = sa.select(col(PullRequest.head)).where(
        col(PullRequest.repository_id) == repository_id, col(PullRequest.number) == pull_request
    )
    mine = sa.or_(
        col(Approval.pull_request) == pull_request,
        col(Approval.commit).in_(of_its_pipelines),
        col(Approval.commit).in_(its_head),
    )
    gone = sa.delete(Approval).where(col(Approval.repository_id) == repository_id, mine)
    return sorted(await db.scalars(gone.returning(col(Approval.commit))))


async def distrust(db: AsyncConnection, repository_id: int, commits: list[str]) -> list[int]:
    """Take an approval's trust from the pipelines of commits; return their jobs that nobody has started.

    What was trusted by rule stays trusted, and what runs goes on: it can be cancelled.
    """
    mine = sa.update(Pipeline).where(
        col(Pipeline.repository_id) == repository_id,
        col(Pipeline.commit).in_(commits),
        col(Pipeline.trust).startswith(APPROVED_BY),
    )
    changed = list(await db.scalars(mine.values(trust=None).returning(col(Pipeline.id))))
    waiting = sa.select(col(Job.id)).where(col(Job.pipeline_id).in_(changed), col(Job.state) == JobState.QUEUED)
    return list(await db.scalars(waiting.order_by(col(Job.id))))


async def trust_of(db: AsyncConnection, repository_id: int, commit: str) -> str | None:
    """Say why a commit may run, if it was approved or a pipeline of it is trusted already."""
    found = await of(db, repository_id, commit)
    if found is not None:
        return f"{APPROVED_BY}{found['approver']}"[:200]
    asked = sa.select(col(Pipeline.trust)).where(
        col(Pipeline.repository_id) == repository_id, col(Pipeline.commit) == commit, col(Pipeline.trust).is_not(None)
    )
    return await db.scalar(asked.order_by(col(Pipeline.id)).limit(1))
