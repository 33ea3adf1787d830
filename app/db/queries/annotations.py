"""Remarks at commits: a tag, a new toolchain, another board, or anything a person wants to be seen beside a number."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import AnnotationKind
from app.db.queries.analysing import made
from app.db.tables import annotation, commit, repository


@dataclass(frozen=True, kw_only=True)
class AnnotationView:
    """One remark with its commit."""

    id: int
    forge: str
    repository: str  # full name
    commit_id: int
    commit: str
    made_at: datetime  # of the commit: its place in the order is (made_at, commit_id)
    kind: AnnotationKind
    text: str
    cuts: bool  # a new level begins here, without an alert
    board_type: str | None  # None: on all
    configuration: str | None
    said_by: str
    said_at: datetime


@dataclass(frozen=True, kw_only=True)
class Remark:
    """What is to be said at a commit."""

    kind: AnnotationKind
    text: str
    cuts: bool = False
    board_type: str | None = None
    configuration: str | None = None


async def add(db: AsyncConnection, repository_id: int, commit_id: int, remark: Remark, *, said_by: str) -> int:
    """Say something at a commit."""
    values = {"repository_id": repository_id, "commit_id": commit_id, **vars(remark), "said_by": said_by}
    return int((await db.execute(sa.insert(annotation).values(values).returning(annotation.c.id))).scalar_one())


async def commit_id(db: AsyncConnection, repository_id: int, sha: str) -> int | None:
    """Find a commit that is known here."""
    asked = sa.select(commit.c.id).where(commit.c.repository_id == repository_id, commit.c.sha == sha)
    return await db.scalar(asked)


async def is_there(db: AsyncConnection, repository_id: int, commit_id: int, remark: Remark) -> bool:
    """Tell whether the same was said at a commit before."""
    same = [annotation.c[name].is_not_distinct_from(getattr(remark, name)) for name in ("kind", "text", "board_type")]
    asked = sa.select(annotation.c.id).where(
        annotation.c.repository_id == repository_id, annotation.c.commit_id == commit_id, *same
    )
    return await db.scalar(asked.limit(1)) is not None


async def remove(db: AsyncConnection, annotation_id: int) -> sa.RowMapping | None:
    """Take a remark back; None if there is none."""
    gone = sa.delete(annotation).where(annotation.c.id == annotation_id).returning(annotation)
    return (await db.execute(gone)).mappings().one_or_none()


async def list_(
    db: AsyncConnection,
    repository_id: int,
    *,
    board_type: str | None = None,
    configuration: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[AnnotationView]:
    """List the remarks of a repository, said last first; of a type of boards also those that are about all."""
    asked = (
        sa.select(
            *(annotation.c[name] for name in ("id", "kind", "text", "cuts", "board_type", "configuration")),
            *(annotation.c[name] for name in ("said_by", "said_at", "commit_id")),
            commit.c.sha.label("commit"),
            made(commit).label("made_at"),
            repository.c.forge,
            repository.c.full_name.label("repository"),
        )
        .join_from(annotation, commit, commit.c.id == annotation.c.commit_id)
        .join(repository, repository.c.id == annotation.c.repository_id)
        .where(annotation.c.repository_id == repository_id)
    )
    for column, value in ((annotation.c.board_type, board_type), (annotation.c.configuration, configuration)):
        if value is not None:
            asked = asked.where(column.is_(None) | (column == value))
    if before is not None:
        asked = asked.where(annotation.c.id < before)
    rows = await db.execute(asked.order_by(annotation.c.id.desc()).limit(limit))
    return [AnnotationView(**row) for row in rows.mappings()]
