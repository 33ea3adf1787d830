"""What outsiders ask for: commits of forks that nobody trusted when they came, by author and by the fork's owner."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import job, pipeline, repository

AN_HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Outsider:
    """Who brought a commit of a fork that nobody has trusted."""

    author: int  # on the forge
    owner: str  # of the fork; empty: unknown
    pull_request: int


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How many other commits of an outsider there are, on the whole forge."""

    unended: int  # of other pull requests, with a job that waits, awaits approval, or runs
    unended_here: int  # of the same pull request; a newer head mostly supersedes them
    lately: int  # taken on within the last hour


async def lock(db: AsyncConnection, repository_id: int, who: Outsider) -> None:
    """Let the pipelines of an outsider be opened one by one, until the transaction ends: two at once count right."""
    forge = await _forge(db, repository_id)
    names = [f"author {forge} {who.author}", f"owner {forge} {who.owner}"]  # always in this order
    for name in names:
        await db.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0))))


async def asked(db: AsyncConnection, repository_id: int, but: str, who: Outsider) -> dict[str, Asked]:
    """Count for its author, and for its fork's owner. What was refused has no jobs, and is not counted.

    Args:
        but: the commit of this repository that is asked for now.
    """
    forge = await _forge(db, repository_id)
    other = sa.or_(pipeline.c.repository_id != repository_id, pipeline.c.commit != but)
    here = sa.and_(pipeline.c.repository_id == repository_id, pipeline.c.pull_request == who.pull_request)
    same = {"author": pipeline.c.author_id == who.author}
    if who.owner:
        same["fork's owner"] = pipeline.c.fork_owner == who.owner
    return {name: await _count(db, forge, sa.and_(mine, other), here) for name, mine in same.items()}


async def _forge(db: AsyncConnection, repository_id: int) -> str:
    return str(await db.scalar(sa.select(repository.c.forge).where(repository.c.id == repository_id)))


async def _count(db: AsyncConnection, forge: str, mine: Any, here: Any) -> Asked:
    since = sa.func.now() - AN_HOUR
    is_open = sa.func.bool_or(job.c.ended_at.is_(None))
    each = (
        sa.select(
            is_open.label("is_open"),
            sa.func.bool_or(here).label("is_here"),
            (sa.func.max(pipeline.c.created_at) > since).label("is_new"),
        )
        .select_from(pipeline.join(repository).join(job, job.c.pipeline_id == pipeline.c.id))
        .where(repository.c.forge == forge, mine, sa.or_(job.c.ended_at.is_(None), pipeline.c.created_at > since))
        .group_by(pipeline.c.repository_id, pipeline.c.commit)
        .subquery()
    )
    meant: dict[str, Any] = {
        "unended": each.c.is_open & ~each.c.is_here,
        "unended_here": each.c.is_open & each.c.is_here,
    }
    meant["lately"] = each.c.is_new
    counts = [sa.func.count().filter(what).label(name) for name, what in meant.items()]
    return Asked(**(await db.execute(sa.select(*counts).select_from(each))).mappings().one())
