"""Commits: what git says of them, and how a person names them."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import measurements
from app.db.queries.measurements import MADE_AT
from app.db.tables import commit, comparison, job, measurement, pipeline, series
from builders.protocol import CommitFacts

LEAST_PREFIX = 7  # characters of a hash that name a commit


async def resolve(db: AsyncConnection, repository_id: int, name: str) -> str | None:
    """Find the commit that is meant: by hash, by the beginning of one, else the latest measured one of a branch."""
    if len(name) >= LEAST_PREFIX and all(each in "0123456789abcdef" for each in name.lower()):
        found = await _by_hash(db, repository_id, name.lower())
        if found is not None:
            return found
    return await _latest_of(db, repository_id, name)


async def _by_hash(db: AsyncConnection, repository_id: int, begin: str) -> str | None:
    """Look among the commits that were seen, then among those that pipelines are of, or are held against.

    A base that was only run by turns has no measurement of its own, and comments link to it all the same.
    """
    for column in (commit.c.sha, pipeline.c.commit, comparison.c.base, comparison.c.head):
        of = column.table.c.repository_id
        asked = sa.select(column).where(of == repository_id, column >= begin, column < begin + "g").limit(1)
        found: str | None = await db.scalar(asked)
        if found is not None:
            return found
    return None


async def _latest_of(db: AsyncConnection, repository_id: int, branch: str) -> str | None:
    one = sa.select(series.c.id).where(series.c.repository_id == repository_id, series.c.branch == branch)
    newest = (
        sa.select(measurement.c.commit_id)
        .where(measurement.c.series_id == sa.any_(sa.func.array(one.limit(50).scalar_subquery())))
        .order_by(measurement.c.made_at.desc(), measurement.c.commit_id.desc())
        .limit(1)
    )
    found: str | None = await db.scalar(sa.select(commit.c.sha).where(commit.c.id == newest.scalar_subquery()))
    return found


async def facts(db: AsyncConnection, repository_id: int, sha: str) -> sa.RowMapping | None:
    """Read what is known of one commit."""
    asked = sa.select(commit.c.sha, commit.c.title, commit.c.author, MADE_AT.label("made_at"))
    return (
        (await db.execute(asked.where(commit.c.repository_id == repository_id, commit.c.sha == sha)))
        .mappings()
        .one_or_none()
    )


async def know(db: AsyncConnection, job_id: int, facts: CommitFacts, committed_at: Any) -> None:
    """Keep what git said of the commit of a job's pipeline; its measurements follow it in the order of commits."""
    said = {"parents": facts.parents, "committed_at": committed_at, "title": facts.title, "author": facts.author}
    given = {"job_id_": job_id, **{f"{name}_": value for name, value in said.items()}}
    learnt = (await db.execute(_know, given)).one_or_none()
    if learnt is not None and not learnt.is_new:  # nothing can be measured of a commit that nobody knew
        await measurements.move(db, learnt.id, learnt.made_at)


_SAID = ("parents", "committed_at", "title", "author")
_about = (
    sa.select(
        pipeline.c.repository_id,
        pipeline.c.commit,
        *(sa.bindparam(f"{name}_", type_=commit.c[name].type) for name in _SAID),
    )
    .select_from(pipeline.join(job, job.c.pipeline_id == pipeline.c.id))
    .where(job.c.id == sa.bindparam("job_id_"))
)
_new_commit = insert(commit).from_select(["repository_id", "sha", *_SAID], _about)
_know = _new_commit.on_conflict_do_update(
    constraint="commit_once",
    set_={name: _new_commit.excluded[name] for name in _SAID},
    where=sa.or_(*(commit.c[name].is_distinct_from(_new_commit.excluded[name]) for name in _SAID)),
).returning(
    commit.c.id,
    MADE_AT.label("made_at"),
    sa.literal_column("commit.xmax = 0", sa.Boolean).label("is_new"),  # a row that was there has a former version
)
