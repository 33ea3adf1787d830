"""The audit read as a whole: who did what, when and from where."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import audit, job, pipeline, repository


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which lines; every condition must hold."""

    actor: str | None = None
    action: str | None = None  # whole, or up to its dot: `token` is all of tokens
    origin: str | None = None
    repository: str | None = None  # full name
    since: datetime | None = None
    until: datetime | None = None
    by_itself: bool = False  # also what nobody asked for: every move of every job


@dataclass(frozen=True, kw_only=True)
class AuditLine:
    """One thing that was done."""

    id: int
    at: datetime
    actor: str  # empty: nobody who is known, as where a sign-in was refused
    action: str
    origin: str  # an address, local socket, forge; empty: nobody asked
    means: str  # the token or session that said who it is
    detail: str
    repository: str | None  # full name
    pipeline_id: int | None
    job_id: int | None
    times: int  # that it happened in that minute, where this is counted; else 1


async def lines(db: AsyncConnection, wanted: Wanted, *, before: int | None = None, limit: int = 50) -> list[AuditLine]:
    """List what was done, the newest first."""
    of_job = sa.select(job.c.pipeline_id).where(job.c.id == audit.c.job_id).correlate(audit).scalar_subquery()
    of_pipeline = (
        sa.select(pipeline.c.repository_id)
        .where(pipeline.c.id == sa.func.coalesce(audit.c.pipeline_id, of_job))
        .correlate(audit)
        .scalar_subquery()
    )
    whose = sa.func.coalesce(audit.c.repository_id, of_pipeline)
    own = ("id", "at", "actor", "action", "origin", "means", "detail", "times", "pipeline_id", "job_id")
    asked = (
        sa.select(*(audit.c[name] for name in own), repository.c.full_name.label("repository"))
        .outerjoin_from(audit, repository, repository.c.id == whose)
        .where(*_conditions(wanted))
        .order_by(audit.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        asked = asked.where(audit.c.id < before)
    return [AuditLine(**row) for row in (await db.execute(asked)).mappings()]


def _conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if not wanted.by_itself:
        found += [
            audit.c.origin != sa.literal_column("''"),
            audit.c.actor != "service",
        ]  # the first as the index says it
    if wanted.action is not None:
        whole = audit.c.action == wanted.action
        found.append(whole | audit.c.action.startswith(f"{wanted.action}.", autoescape=True))
    if wanted.repository is not None:
        found.append(sa.func.lower(repository.c.full_name) == wanted.repository.lower())
    equal = ((audit.c.actor, wanted.actor), (audit.c.origin, wanted.origin))
    found += [column == value for column, value in equal if value is not None]
    if wanted.since is not None:
        found.append(audit.c.at >= wanted.since)
    if wanted.until is not None:
        found.append(audit.c.at < wanted.until)
    return found
