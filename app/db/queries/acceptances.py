"""What people took knowingly: regressions of a pull request or of one range of commits."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import acceptance

MOST = 20_000  # that one question considers, the newest


@dataclass(frozen=True, kw_only=True)
class Said:
    """Who accepts, by which way, and why."""

    by: str
    by_id: int | None = None  # on the forge; None: an account of ours
    via: str
    reason: str


async def add(db: AsyncConnection, rows: Iterable[Mapping[str, Any]], said: Said) -> None:
    """Remember what was accepted.

    Args:
        rows: repository_id, pull_request, base, head, board_type, configuration, identity and change of each.
    """
    whose = {"said_by": said.by[:200], "said_by_id": said.by_id, "via": said.via, "reason": said.reason[:2000]}
    given = [{**each, **whose} for each in rows]
    if given:
        await db.execute(sa.insert(acceptance), given)


async def of_pull_request(db: AsyncConnection, repository_id: int, number: int) -> list[sa.RowMapping]:
    """List what was accepted in a pull request, whatever its head was then, the oldest first."""
    return await _list(db, repository_id, acceptance.c.pull_request == number)


async def of_range(db: AsyncConnection, repository_id: int, base: str, head: str) -> list[sa.RowMapping]:
    """List what was accepted of exactly this range, the oldest first."""
    return await _list(db, repository_id, acceptance.c.head == head, acceptance.c.base == base)


async def _list(db: AsyncConnection, repository_id: int, *which: sa.ColumnElement[bool]) -> list[sa.RowMapping]:
    asked = sa.select(acceptance).where(acceptance.c.repository_id == repository_id, *which)
    newest = await db.execute(asked.order_by(acceptance.c.id.desc()).limit(MOST))
    return list(newest.mappings())[::-1]
