"""Which boards measured, for those who want to know when another one took over."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import arrays
from app.db.tables import attempt, board, job, pipeline


@dataclass(frozen=True, kw_only=True)
class Measurer:
    """The board on which an attempt ran."""

    board_id: int
    name: str


async def boards_of(db: AsyncConnection, attempt_ids: Iterable[int]) -> dict[int, Measurer]:
    """Say on which board each attempt ran."""
    asked = sa.select(attempt.c.id, board.c.id, board.c.name)
    asked = asked.join_from(attempt, board, board.c.id == attempt.c.board_id)
    rows = await db.execute(asked.where(arrays.is_in(attempt.c.id, sorted(attempt_ids))))
    return {attempt_id: Measurer(board_id=board_id, name=name) for attempt_id, board_id, name in rows}


async def measured_before(
    db: AsyncConnection, board_id: int, attempt_id: int, *, repository_id: int, board_type: str
) -> bool:
    """Tell whether a board had a job of a repository on its type before an attempt."""
    asked = (
        sa.select(attempt.c.id)
        .join_from(attempt, job, job.c.id == attempt.c.job_id)
        .join(pipeline, pipeline.c.id == job.c.pipeline_id)
        .where(attempt.c.board_id == board_id, attempt.c.id < attempt_id)
        .where(job.c.board_type == board_type, pipeline.c.repository_id == repository_id)
    )
    return await db.scalar(asked.limit(1)) is not None
