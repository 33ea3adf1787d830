"""How many boards the jobs of one share may hold at a time, counted exactly however many claims come at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import attempt, job, pipeline, repository
from app.turns import is_full

NO_CAPS: Mapping[str, int] = {}


@dataclass(frozen=True)
class Cap:
    """One kind of share, and the most boards that its jobs may hold: the repository's word, else the setting."""

    of: str  # whose it is
    applies: sa.ColumnElement[bool]  # to a job and its pipeline
    share: tuple[sa.ColumnElement[Any], ...]  # of one repository
    otherwise: str  # for people, if there is no room

    @property
    def name(self) -> str:
        """Name the repository's column, and the parameter that holds the setting."""
        return f"cap_{self.of}"

    @property
    def limit(self) -> Any:
        """Say how many; 0: any number. Asks for the repository's row."""
        return sa.func.coalesce(repository.c[self.name], sa.bindparam(self.name, 0, sa.Integer))

    @property
    def has_room(self) -> sa.ColumnElement[bool]:
        """Say that the share holds fewer boards; by one look at all open attempts, whichever job asks."""
        counted = sa.select(*self.share).select_from(attempt.join(job).join(pipeline).join(repository))
        counted = counted.where(attempt.c.ended_at.is_(None), *(each.is_not(None) for each in self.share))
        counted = counted.group_by(*self.share, repository.c[self.name])
        full = counted.having(is_full(sa.func.count(), self.limit)).correlate(None)
        return sa.or_(sa.not_(self.applies), self._is_off, sa.tuple_(*self.share).not_in(full))

    @property
    def _is_off(self) -> sa.ColumnElement[bool]:
        """Say that nobody is capped so: then nothing needs to be counted."""
        some = sa.select(1).where(repository.c[self.name] > 0).correlate(None).exists()
        return sa.and_(sa.bindparam(self.name, 0, sa.Integer) == 0, sa.not_(some))

    @property
    def key(self) -> Any:
        """Name the share to `pg_advisory_xact_lock`."""
        words = sa.func.concat_ws(":", self.name, *self.share)
        return sa.func.hashtextextended(words, 0)


CAPS: tuple[Cap, ...] = (
    Cap(
        "fork_owner",
        pipeline.c.from_fork,
        (pipeline.c.repository_id, job.c.share),
        "other jobs of the same fork's owner hold all the boards that they may hold at a time",
    ),
    Cap(
        "pull_request",
        pipeline.c.pull_request.is_not(None),
        (pipeline.c.repository_id, pipeline.c.pull_request),
        "other jobs of the same pull request hold all the boards that they may hold at a time",
    ),
    Cap(
        "repository",
        sa.true(),
        (pipeline.c.repository_id,),
        "other jobs of the same repository hold all the boards that they may hold at a time",
    ),
)
# Whether a job's shares are capped, from job and pipeline: where none is, nothing has to be locked.
is_capped = (
    sa.select(1)
    .where(
        repository.c.id == pipeline.c.repository_id, sa.or_(*(sa.and_(each.applies, each.limit > 0) for each in CAPS))
    )
    .correlate_except(repository)
    .exists()
)
# Narrow before wide, for everybody: two that wait for each other's share there cannot be.
_lock = (
    sa.select(
        *(sa.case((sa.and_(each.applies, each.limit > 0), sa.func.pg_advisory_xact_lock(each.key))) for each in CAPS)
    )
    .select_from(job.join(pipeline).join(repository))
    .where(job.c.id == sa.bindparam("job_id"))
)


async def lock(db: AsyncConnection, job_id: int, caps: Mapping[str, int] = NO_CAPS) -> None:
    """Keep everybody else from taking a board for the capped shares of a job, until the transaction ends.

    What is asked afterwards, by another statement, counts the boards that they held before.
    """
    await db.execute(_lock, {"job_id": job_id, **caps})
