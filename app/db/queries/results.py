"""Result files: kept as they are; read for measurements and for people."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import zstandard
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.models import Attempt, Job, Pipeline, Result, Side
from app.db.queries.attempts import BINARY
from app.db.queries.points import Measurements
from app.errors import Removed
from app.states import JobState
from builders.protocol import ResultFile, WantedFormat


@dataclass(frozen=True, kw_only=True)
class Requested:
    """What the measurements of an attempt belong to, and how it ended."""

    outcome: JobState | None
    board_type: str
    configuration: str
    repository_id: int
    commit: str
    branch: str | None
    pull_request: int | None


@dataclass(frozen=True, kw_only=True)
class File:
    """The result file of one run phase."""

    id: int
    data: bytes | None  # None: it was kept for as long as the settings say
    was_read: bool  # before
    side: Side
    pair: int | None
    wanted: WantedFormat | None  # what the configuration said of its format


async def ended_attempt(db: AsyncConnection, attempt_id: int) -> Requested | None:
    """Read what the measurements of an attempt belong to; None while it is open or unknown."""
    of_job, of_pipeline = ("board_type", "configuration"), ("repository_id", "commit", "branch", "pull_request")
    found = (
        sa.select(
            col(Attempt.outcome),
            *(getattr(Job, name) for name in of_job),
            *(getattr(Pipeline, name) for name in of_pipeline),
        )
        .select_from(Attempt)
        .join(Job, col(Job.id) == col(Attempt.job_id))
        .join(Pipeline, col(Pipeline.id) == col(Job.pipeline_id))
        .where(col(Attempt.id) == attempt_id, col(Attempt.ended_at).is_not(None))
    )
    row = (await db.execute(found)).mappings().one_or_none()
    return None if row is None else Requested(**row)


async def files(db: AsyncConnection, attempt_id: int, *, lock: bool = False) -> list[File]:
    """Read the files of all run phases in their order; `lock` keeps others from the rows."""
    wanted = sa.select(Result).where(col(Result.attempt_id) == attempt_id).order_by(col(Result.number))
    rows = (await db.execute(wanted.with_for_update() if lock else wanted)).mappings()
    return [
        File(
            id=row["id"],
            was_read=row["ingested_at"] is not None,
            data=_data(row["data"], row["size"], row["removed_at"]),
            side=row["side"],
            pair=row["pair"],
            wanted=row["wanted"] and WantedFormat(**row["wanted"]),
        )
        for row in rows
    ]


async def want(db: AsyncConnection, attempt_id: int, files: Sequence[ResultFile]) -> None:
    """Keep beside each file how its configuration says that it is to be read."""
    for file in files:
        if file.wanted is not None:
            mine = (col(Result.attempt_id) == attempt_id, col(Result.number) == file.number)
            await db.execute(sa.update(Result).where(*mine).values(wanted=asdict(file.wanted)))


async def file(db: AsyncConnection, attempt_id: int, number: int) -> bytes | None:
    """Read one file, verbatim; None if there is none.

    Raises:
        Removed: it was kept for as long as the settings say.
    """
    wanted = sa.select(col(Result.data), col(Result.size), col(Result.removed_at)).where(
        col(Result.attempt_id) == attempt_id, col(Result.number) == number
    )
    row = (await db.execute(wanted)).one_or_none()
    if row is not None and row.removed_at is not None:
        raise Removed(f"The result file was removed on {row.removed_at:%Y-%m-%d}; what was measured stays.")
    return None if row is None else unpacked(row.data, row.size)


def _data(data: bytes, size: int, removed_at: datetime | None) -> bytes | None:
    return None if removed_at is not None else unpacked(data, size)


def unpacked(data: bytes, size: int) -> bytes:
    """Undo zstd; the stored size bounds the memory it may take."""
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=size) if size else b""


async def told(db: AsyncConnection, of: Measurements, *, limit: int) -> list[sa.RowMapping]:
    """Read what the executions of an attempt, or of all jobs at a commit, said besides their numbers."""
    own = ("number", "side", "pair", "format", "note", "env", "unmeasured")
    wanted = (
        sa.select(*(getattr(Result, name) for name in own), col(Attempt.job_id))
        .join_from(Result, Attempt, col(Attempt.id) == col(Result.attempt_id))
        .order_by(col(Attempt.id), col(Result.number))
        .limit(limit)
    )
    if of.attempt_id is not None:
        wanted = wanted.where(col(Attempt.id) == of.attempt_id)
    else:
        there = [col(Pipeline.commit) == of.commit]
        if of.repository_id is not None:
            there.append(col(Pipeline.repository_id) == of.repository_id)
        jobs = sa.select(col(Job.id)).join(Pipeline, col(Pipeline.id) == col(Job.pipeline_id)).where(*there)
        wanted = wanted.where(col(Attempt.job_id).in_(jobs))
    return list((await db.execute(wanted)).mappings())


_binary = sa.func.jsonb_build_object(BINARY, col(Result.env)[BINARY])
_has_binary = col(Result.env).op("?", return_type=sa.Boolean)(BINARY)
_of_builder = sa.case((_has_binary, _binary), else_=sa.literal({}, JSONB))  # what the file itself says counts for less


async def mark(
    db: AsyncConnection,
    result_id: int,
    *,
    format: str | None,
    note: str,
    env: Mapping[str, Any],
    unmeasured: Mapping[str, str],
) -> None:
    """Say what a file turned out to be: its format, the facts of its execution, what it has no number for and why."""
    facts = sa.literal(dict(env), JSONB).op("||")(_of_builder)
    said = {"format": format, "note": note, "env": facts, "unmeasured": unmeasured, "ingested_at": sa.func.now()}
    await db.execute(sa.update(Result).where(col(Result.id) == result_id).values(**said))
