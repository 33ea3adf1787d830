"""The noise of boards: what pairs of equal builds showed, by board, repository, configuration and series identity."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import arrays
from app.db.tables import board_noise, repository

_CHANGED = ("differences", "sigma", "drift", "trials", "false_alarms")


async def known(db: AsyncConnection, place: Mapping[str, Any], identities: Sequence[str]) -> dict[str, sa.RowMapping]:
    """Read and lock what is known of some identities, by identity.

    Args:
        place: board_id, repository_id and configuration.
    """
    mine = [board_noise.c[name] == value for name, value in place.items()]
    asked = sa.select(board_noise).where(*mine, arrays.is_in(board_noise.c.identity, identities)).with_for_update()
    rows = (await db.execute(asked.order_by(board_noise.c.identity))).mappings()
    return {row["identity"]: row for row in rows}


async def keep(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep what is known now, in place of what was known before."""
    if not rows:
        return
    new = insert(board_noise)
    also = {name: new.excluded[name] for name in _CHANGED} | {"changed_at": sa.func.now()}
    await db.execute(new.on_conflict_do_update(constraint=board_noise.primary_key, set_=also), list(rows))


_IN_NAME = ("configuration", "benchmark", "metric", "identity")
_ORDER = (repository.c.full_name, *(board_noise.c[name] for name in _IN_NAME))


async def of_board(db: AsyncConnection, board_id: int, *, after: int = 0, limit: int) -> list[sa.RowMapping]:
    """List what is known of a board by repository, configuration and benchmark; skips the first `after`."""
    asked = (
        sa.select(board_noise, repository.c.full_name.label("repository"))
        .join(repository, repository.c.id == board_noise.c.repository_id)
        .where(board_noise.c.board_id == board_id)
        .order_by(*_ORDER)
    )
    return list((await db.execute(asked.offset(after).limit(limit))).mappings())


async def meter(db: AsyncConnection, board_id: int) -> tuple[int, int]:
    """Count the trials with equal builds on a board, and how many of them were called changed."""
    sums = (sa.func.coalesce(sa.func.sum(board_noise.c[name]), 0) for name in ("trials", "false_alarms"))
    row = (await db.execute(sa.select(*sums).where(board_noise.c.board_id == board_id))).one()
    return int(row[0]), int(row[1])
