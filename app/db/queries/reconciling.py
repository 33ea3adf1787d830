"""What we know of a repository, to be compared with what its forge says."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import delivery, pipeline, pull_request

BRANCHES = 10_000


@dataclass(frozen=True, kw_only=True)
class Known:
    """One pull request as we know it."""

    number: int
    head: str
    is_open: bool
    delivery_id: int


async def commits(db: AsyncConnection, repository_id: int, asked: Sequence[str]) -> set[str]:
    """Tell for which of some commits there is a pipeline."""
    found = sa.select(pipeline.c.commit).where(pipeline.c.repository_id == repository_id, pipeline.c.commit.in_(asked))
    return set(await db.scalars(found.distinct()))


async def branches(db: AsyncConnection, repository_id: int) -> set[str]:
    """List the branches that ever had a pipeline."""
    found = sa.select(pipeline.c.branch).where(
        pipeline.c.repository_id == repository_id, pipeline.c.branch.is_not(None)
    )
    return {str(each) for each in await db.scalars(found.distinct().limit(BRANCHES))}


async def pull_requests(db: AsyncConnection, repository_id: int, numbers: Sequence[int]) -> dict[int, Known]:
    """Read those that are open as far as we know, and the ones with these numbers."""
    columns = (
        pull_request.c.number,
        pull_request.c.head,
        pull_request.c.open.label("is_open"),
        pull_request.c.delivery_id,
    )
    wanted = pull_request.c.open | pull_request.c.number.in_(numbers)
    rows = (
        await db.execute(sa.select(*columns).where(pull_request.c.repository_id == repository_id, wanted))
    ).mappings()
    return {row["number"]: Known(**row) for row in rows}


async def received(db: AsyncConnection, forge: str, keys: Sequence[str]) -> set[str]:
    """Tell which deliveries reached us."""
    found = sa.select(delivery.c.key).where(delivery.c.forge == forge, delivery.c.key.in_(keys))
    return set(await db.scalars(found))
