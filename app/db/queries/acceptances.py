"""What people took knowingly: regressions of a pull request or of one range of commits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models.judged import Triage
from app.db.tables import acceptance, change_point, commit, series, shift

MOST = 20_000  # that one question considers, the newest
# What a person says of a shift so that it fails nothing any more.
ACKNOWLEDGED = (Triage.ACKNOWLEDGED, Triage.EXPECTED, Triage.NOISE, Triage.INFRASTRUCTURE, Triage.WONT_FIX)


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


async def of_shifts(
    db: AsyncConnection, repository_id: int, branch: str, base: str, head: str
) -> Sequence[sa.RowMapping]:
    """List the acknowledged change points of a branch that lie within a range of its commits.

    A shift whose commits are not all between base and head may be another one than the comparison sees.
    """
    first, last, after, until = (commit.alias(name) for name in ("first", "last", "after_", "until_"))
    change = change_point.c.change
    asked = (
        sa.select(
            *(series.c[name] for name in ("board_type", "configuration", "identity")),
            change,
            shift.c.said_by,
            shift.c.reason,
        )
        .select_from(change_point)
        .join(shift, shift.c.id == change_point.c.shift_id)
        .join(series, series.c.id == change_point.c.series_id)
        .join(after, after.c.id == change_point.c.after_commit_id)
        .join(until, until.c.id == change_point.c.until_commit_id)
        .join(first, sa.and_(first.c.repository_id == repository_id, first.c.sha == base))
        .join(last, sa.and_(last.c.repository_id == repository_id, last.c.sha == head))
        .where(
            shift.c.repository_id == repository_id,
            shift.c.branch == branch,
            shift.c.state.in_(ACKNOWLEDGED),
            change_point.c.gone_at.is_(None),
            _place(first) <= _place(after),
            _place(until) <= _place(last),
        )
        .order_by(change_point.c.id)
        .limit(MOST)
    )
    return list((await db.execute(asked)).mappings())


def _place(table: sa.FromClause) -> sa.Tuple:
    """Say where a commit stands on its branch, as histories order it."""
    return sa.tuple_(sa.func.coalesce(table.c.committed_at, table.c.seen_at), table.c.id)
