"""What pairs of equal builds showed of boards."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import arrays
from app.db.tables import board_noise, repository


async def meters(db: AsyncConnection, board_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Count how often equal builds were compared on each board, and how often they were called different."""
    asked = (
        sa.select(board_noise.c.board_id, sa.func.sum(board_noise.c.trials), sa.func.sum(board_noise.c.false_alarms))
        .where(arrays.is_in(board_noise.c.board_id, board_ids))
        .group_by(board_noise.c.board_id)
    )
    return {board_id: (int(trials), int(alarms)) for board_id, trials, alarms in await db.execute(asked)}


async def of_board(db: AsyncConnection, board_id: int, *, after: int = 0, limit: int = 100) -> list[sa.RowMapping]:
    """List the benchmarks of a board, the noisiest first; skips the first `after`."""
    names = ("configuration", "benchmark", "metric", "sigma", "drift", "trials", "false_alarms", "changed_at")
    pairs = sa.func.cardinality(board_noise.c.differences).label("pairs")
    asked = (
        sa.select(*(board_noise.c[name] for name in names), pairs, repository.c.forge, repository.c.full_name)
        .join_from(board_noise, repository, repository.c.id == board_noise.c.repository_id)
        .where(board_noise.c.board_id == board_id)
        .order_by(board_noise.c.sigma.desc().nulls_last(), board_noise.c.benchmark, board_noise.c.metric)
        .order_by(board_noise.c.repository_id, board_noise.c.configuration, board_noise.c.identity)
    )
    return list((await db.execute(asked.offset(after).limit(limit))).mappings())
