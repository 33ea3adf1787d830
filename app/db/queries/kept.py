"""Remove what was kept for as long as settings and repositories say: logs, artefacts, raw samples, files, bodies.

What there is to go is in `kept_kinds.py`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import arrays
from app.db.tables import keep_rule

now = sa.func.now()

Remove = Callable[[AsyncConnection, Sequence[int]], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What is removed together: of which rows, how that is noted at them, and how it is done."""

    name: str
    setting: str  # the days it is kept; 0: for ever
    of: sa.Table  # attempts, result files, imports, deliveries or lines of the audit
    since: sa.Column[Any]  # when its age begins
    noted: sa.Column[Any] | None  # when it was removed; None: the row itself goes
    remove: Remove
    bytes: sa.ColumnElement[Any]  # of a row of `of`: what would go
    rule: str = ""  # by which name a repository may say how long; empty: it has no say
    repository: sa.ScalarSelect[int] | None = None  # whose a row of `of` is
    only: sa.ColumnElement[bool] | None = None
    oldest: sa.ColumnElement[bool] | None = None  # where no index has their order: look at these alone
    most: int = 20  # rows of one transaction

    def old(self, days: int, *, shortest: int) -> sa.Select[Any]:
        """Choose the rows whose time has come: `days` counts where their repository says nothing."""
        wanted = sa.select(self.of.c.id).where(self.since < _before(shortest))
        if self.repository is not None:
            said = (keep_rule.c.repository_id == self.repository, keep_rule.c.what == self.rule)
            wanted = wanted.outerjoin_from(self.of, keep_rule, sa.and_(*said))
            counts = sa.func.coalesce(keep_rule.c.days, days)
            wanted = wanted.where(counts > 0, self.since < _before(counts))
        wanted = wanted if self.noted is None else wanted.where(self.noted.is_(None))
        return wanted if self.only is None else wanted.where(self.only)


@dataclass(frozen=True, kw_only=True)
class Due:
    """What of a kind would go now by one rule."""

    repository_id: int | None  # whose rule it is; None: of the settings
    days: int
    of: int
    bytes: int


def _before(days: Any) -> sa.ColumnElement[Any]:
    return now - sa.func.make_interval(0, 0, 0, days)


async def shortest(db: AsyncConnection, rule: str, days: int) -> int | None:
    """Find after how many days something may go at the earliest, by any rule; None: nothing ever does."""
    said = sa.select(keep_rule.c.days).where(keep_rule.c.what == rule, keep_rule.c.days > 0)
    known = [*(await db.scalars(said.distinct())), *([days] if days else [])]
    return min(known, default=None)


async def count(db: AsyncConnection, kind: Kind, *, days: int) -> list[Due]:
    """Count what would go, rule by rule; a rule by which nothing would go is not listed."""
    least = await shortest(db, kind.rule, days)
    if least is None:
        return []
    amount = sa.func.coalesce(sa.func.sum(kind.bytes), 0)
    old = kind.old(days, shortest=least).with_only_columns(sa.func.count(), amount)
    if kind.repository is None:
        row = (await db.execute(old)).one()
        return [Due(repository_id=None, days=days, of=row[0], bytes=int(row[1]))] if row[0] else []
    whose = (keep_rule.c.repository_id, sa.func.coalesce(sa.func.max(keep_rule.c.days), days))
    rows = await db.execute(old.add_columns(*whose).group_by(keep_rule.c.repository_id))
    return [Due(repository_id=row[2], days=row[3], of=row[0], bytes=int(row[1])) for row in rows]


async def remove(db: AsyncConnection, kind: Kind, *, days: int, at_once: int) -> int:
    """Remove what some of the oldest rows have, those that nobody else is at; return of how many."""
    least = await shortest(db, kind.rule, days)
    if least is None:
        return 0
    chosen = kind.old(days, shortest=least).order_by(kind.since).limit(at_once)
    if kind.oldest is not None:
        chosen = chosen.where(kind.oldest)
    ids = [row[0] for row in await db.execute(chosen.with_for_update(skip_locked=True, of=kind.of))]
    if ids:
        await kind.remove(db, ids)
        if kind.noted is not None:
            done = sa.update(kind.of).where(arrays.is_in(kind.of.c.id, ids))
            await db.execute(done.values({kind.noted.name: now}))
    return len(ids)


async def rules(db: AsyncConnection, repository_id: int) -> dict[str, int]:
    """Read the rules of a repository: what → days."""
    rows = await db.execute(sa.select(keep_rule).where(keep_rule.c.repository_id == repository_id))
    return {row.what: row.days for row in rows}


async def set_rules(db: AsyncConnection, repository_id: int, days: Mapping[str, int]) -> None:
    """Give a repository these rules and no others."""
    await db.execute(sa.delete(keep_rule).where(keep_rule.c.repository_id == repository_id))
    if days:
        rows = [{"repository_id": repository_id, "what": what, "days": each} for what, each in days.items()]
        await db.execute(sa.insert(keep_rule), rows)
