"""Change points as the detector would leave them."""

import sqlalchemy as sa

from app.db import tables
from tests.pages.site import Site


async def commit_id(site: Site, sha: str) -> int:
    """Find the row of a commit."""
    async with site.deps.begin() as db:
        return int(await db.scalar(sa.select(tables.commit.c.id).where(tables.commit.c.sha == sha)) or 0)


async def shift(site: Site, repository: int, series: int, between: tuple[str, str]) -> int:
    """Put a change point of 100 % for the worse between two commits."""
    after, until = [await commit_id(site, sha) for sha in between]
    ends = {"after_commit_id": after, "until_commit_id": until}
    alert = await site.insert("shift", repository_id=repository, branch="main", is_worse=True, **ends)
    moved = {"before": 10.0, "after": 20.0, "change": 1.0, "is_worse": True}
    return await site.insert("change_point", series_id=series, shift_id=alert, **ends, **moved)
