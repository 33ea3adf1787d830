"""Result files: kept as they are; read for measurements and for people."""

import sqlalchemy as sa
import zstandard
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.models import Attempt, Commit, Job, Pipeline, Result

REQUEST_FIELDS = (
    col(Attempt.outcome),
    col(Job.board_type),
    col(Job.configuration),
    col(Pipeline.repository_id),
    col(Pipeline.commit),
    col(Pipeline.branch),
    col(Pipeline.pull_request),
)


async def ended_attempt(db: AsyncConnection, attempt_id: int) -> sa.RowMapping | None:
    """Read what the measurements of an attempt belong to; None while it is open or unknown."""
    found = (
        sa.select(*REQUEST_FIELDS)
        .select_from(Attempt)
        .join(Job, col(Job.id) == col(Attempt.job_id))
        .join(Pipeline, col(Pipeline.id) == col(Job.pipeline_id))
        .where(col(Attempt.id) == attempt_id, col(Attempt.ended_at).is_not(None))
    )
    return (await db.execute(found)).mappings().one_or_none()


async def files(db: AsyncConnection, attempt_id: int, *, lock: bool = False) -> list[tuple[int, bytes]]:
    """Read the files of all run phases in their order, as (row id, bytes); `lock` keeps others from the rows."""
    wanted = sa.select(col(Result.id), col(Result.data), col(Result.size)).where(col(Result.attempt_id) == attempt_id)
    rows = await db.execute((wanted.with_for_update() if lock else wanted).order_by(col(Result.number)))
    return [(row.id, unpacked(row.data, row.size)) for row in rows]


async def file(db: AsyncConnection, attempt_id: int, number: int) -> bytes | None:
    """Read one file, verbatim."""
    wanted = sa.select(col(Result.data), col(Result.size)).where(
        col(Result.attempt_id) == attempt_id, col(Result.number) == number
    )
    row = (await db.execute(wanted)).one_or_none()
    return None if row is None else unpacked(row.data, row.size)


def unpacked(data: bytes, size: int) -> bytes:
    """Undo zstd; the stored size bounds the memory it may take."""
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=size) if size else b""


async def mark(db: AsyncConnection, result_id: int, *, format: str | None, note: str) -> None:
    """Say what a file turned out to be."""
    said = {"format": format, "note": note, "ingested_at": sa.func.now()}
    await db.execute(sa.update(Result).where(col(Result.id) == result_id).values(**said))


async def commit_id(db: AsyncConnection, repository_id: int, sha: str) -> int:
    """Find the commit's row, or make one that knows only its hash."""
    new = insert(Commit).values(repository_id=repository_id, sha=sha).on_conflict_do_nothing()
    await db.execute(new)
    mine = (col(Commit.repository_id) == repository_id, col(Commit.sha) == sha)
    return int((await db.execute(sa.select(col(Commit.id)).where(*mine))).scalar_one())
