"""What the outboxes of statuses and of comments share: what is due, who sends it, how far it got.

Both tables say with `version` what should be shown and with `sent_version` what is; a row is in the
hands of one sender at a time. Nobody commits here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.fixed import fixed
from app.db.tables import conversation, repository, status
from integrations.forge import RepositoryFacts

CLAIM_S = 15.0  # a sender that died holds a row for so long; a call to a forge is given up sooner
_REFUSED = re.compile(r"refused ([0-9]+): ")
OUTBOXES = (status, conversation)
_OF_THE_ROW = ("id", "repository_id", "pipeline_id", "version", "claimed_until", "tries", "error")
_OF_THE_REPOSITORY = (*("forge", "forge_id", "full_name", "clone_url", "default_branch", "private", "installation_id"),)


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A row in the hands of one sender until a moment, and the repository it is about."""

    table: ClassVar[sa.Table]
    id: int
    repository_id: int
    pipeline_id: int
    version: int  # as it was when the state was read, or older
    claimed_until: datetime
    tries: int
    error: str  # of the last try
    forge: str
    forge_id: int
    full_name: str
    clone_url: str
    default_branch: str
    private: bool
    installation_id: int | None

    @property
    def refusals(self) -> int:
        """Count how often in a row the forge refused this for good."""
        said = _REFUSED.match(self.error)
        return int(said[1]) if said else 0

    def facts(self) -> RepositoryFacts:
        """Describe the repository to the forge."""
        return RepositoryFacts(
            id=self.forge_id,
            full_name=self.full_name,
            clone_url=self.clone_url,
            default_branch=self.default_branch,
            private=self.private,
            installation=self.installation_id,
        )


async def claim_due(db: AsyncConnection, table: sa.Table, limit: int, *more: Any) -> list[sa.RowMapping]:
    """Take rows that wait to be sent; nobody else gets them for `CLAIM_S` seconds."""
    return list((await db.execute(_claim_due(table, *more), {"limit_": limit})).mappings())


@lru_cache(maxsize=8)
def _claim_due(table: sa.Table, *more: Any) -> sa.UpdateBase:
    now = sa.func.clock_timestamp()
    due = (
        sa.select(table.c.id)
        .where(table.c.sent_version < table.c.version, table.c.closed.is_(None), table.c.next_at <= now)
        .where(table.c.claimed_until.is_(None) | (table.c.claimed_until < now))
        .order_by(table.c.next_at)
        .limit(sa.bindparam("limit_"))
        .with_for_update(skip_locked=True)
    )
    change = sa.update(table).where(table.c.id.in_(due)).values(claimed_until=now + seconds(CLAIM_S))
    change = change.where(repository.c.id == table.c.repository_id)
    columns = [*(table.c[name] for name in _OF_THE_ROW), *(repository.c[name] for name in _OF_THE_REPOSITORY)]
    return fixed(change.returning(*columns, *more))


async def postpone(db: AsyncConnection, claimed: Claimed, wait_s: float, error: str) -> None:
    """Try again after a wait."""
    await release(db, claimed, next_at=sa.func.now() + seconds(wait_s), tries=claimed.tries + 1, error=error[:500])


async def refuse(db: AsyncConnection, claimed: Claimed, wait_s: float, error: str) -> None:
    """Try again after a wait although the forge refused it for good; the times are counted."""
    await postpone(db, claimed, wait_s, f"refused {claimed.refusals + 1}: {error}")


async def rest(db: AsyncConnection, claimed: Claimed, wait_s: float) -> None:
    """Look again after a wait, or at the pipeline's next change: there is nothing urgent to say."""
    await release(db, claimed, next_at=sa.func.now() + seconds(wait_s))


async def give_up(db: AsyncConnection, claimed: Claimed, reason: str) -> None:
    """Send nothing more of this row, until it is opened again."""
    await release(db, claimed, closed=reason[:500], error=reason[:500])


async def release(db: AsyncConnection, claimed: Claimed, **values: Any) -> None:
    """End a claim. If it had run out, others may have sent before or after us: forget all, and send once more."""
    await db.execute(releasing(claimed.table, values), of(claimed))


def releasing(table: sa.Table, values: Mapping[str, Any]) -> sa.Update:
    """Make the statement of `release`, for use as a part of another one; `of` gives its parameters."""
    is_mine = table.c.claimed_until == sa.bindparam("claimed_until_", type_=table.c.claimed_until.type)
    sent = {"sent_state": None} if "sent_state" in table.c else {"sent_sha256": None}
    lost = {"version": table.c.version + 1, **sent}
    told = {
        name: sa.case((is_mine, _value(table, name, values)), else_=_value(table, name, lost))
        for name in {**values, **lost}
    }
    return sa.update(table).where(table.c.id == sa.bindparam("row_id")).values(claimed_until=None, **told)


def _value(table: sa.Table, name: str, values: Mapping[str, Any]) -> sa.ColumnElement[Any]:
    column = table.c[name]
    value = values.get(name, column)
    return value if isinstance(value, sa.ColumnElement) else sa.literal(value, column.type)


def of(claimed: Claimed) -> dict[str, Any]:
    """Name the row and the claim for `releasing`."""
    return {"row_id": claimed.id, "claimed_until_": claimed.claimed_until}


async def hold(db: AsyncConnection, claimed: Claimed, wait_s: float) -> None:
    """Send nothing to an installation on a forge for a while: the forge asked for that. All others go on.

    Without an App its token is what the forge counts, and that is one for all repositories.
    """
    same = sa.select(repository.c.id).where(
        repository.c.forge == claimed.forge,
        repository.c.installation_id.is_not_distinct_from(claimed.installation_id),
    )
    later = sa.func.now() + seconds(wait_s)
    for table in OUTBOXES:
        # Always in one order: two of these never wait for each other.
        some = sa.select(table.c.id).where(table.c.repository_id.in_(same), table.c.sent_version < table.c.version)
        change = sa.update(table).where(table.c.id.in_(some.order_by(table.c.id).with_for_update()))
        waiting = {"next_at": sa.func.greatest(table.c.next_at, later), "tries": sa.func.greatest(table.c.tries, 1)}
        await db.execute(change.values(waiting))


def seconds(number: float | sa.BindParameter[float]) -> Any:
    """Say a number of seconds in SQL."""
    return sa.func.make_interval(0, 0, 0, 0, 0, 0, number)
