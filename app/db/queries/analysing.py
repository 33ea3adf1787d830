"""What the detector is given and leaves: series that are due, where they are cut by hand, and how far it got.

A claim is a moment ahead at which the series would be due again: who died with it holds nobody up, and a point
that comes meanwhile makes the series due anew, so that what was claimed before it counts no more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import arrays
from app.db.queries.outbox import seconds
from app.db.tables import analysis, annotation, commit, measurement, repository, series
from app.history.shifts import Place

CLAIM_S = 120.0
_OF_SERIES = ("repository_id", "branch", "board_type", "configuration", "better", "step", "step_samples")


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A series in the hands of one worker."""

    series_id: int
    due_at: datetime  # the claim
    points: int  # when it was last analysed; 0: it has to be looked at as a whole
    repository_id: int
    default_branch: str
    branch: str
    board_type: str
    configuration: str
    better: str | None
    step: float | None  # that all samples are multiples of, …
    step_samples: int  # … as so many say


def made(of: sa.FromClause) -> sa.ColumnElement[datetime]:
    """Give the moment by which a commit is ordered: as git says it was made, else as we first saw it."""
    return sa.func.coalesce(of.c.committed_at, of.c.seen_at)


async def claim(db: AsyncConnection, limit: int) -> list[Claimed]:
    """Take series that are due; several workers get different ones."""
    return [Claimed(**row) for row in (await db.execute(_claim(limit))).mappings()]


@lru_cache(maxsize=4)
def _claim(limit: int) -> sa.UpdateBase:
    clock = sa.func.clock_timestamp()
    due = sa.select(analysis.c.series_id).where(analysis.c.due_at <= clock).order_by(analysis.c.due_at)
    # As an array they are found first and looked up by key: a join would be planned over all series there are.
    first = sa.func.array(due.limit(limit).with_for_update(skip_locked=True).scalar_subquery())
    taken = (
        sa.update(analysis)
        .where(analysis.c.series_id == sa.any_(first))
        .where(series.c.id == analysis.c.series_id, repository.c.id == series.c.repository_id)
        .values(due_at=clock + seconds(CLAIM_S))
    )
    of_series = [series.c[name] for name in _OF_SERIES]
    own = [analysis.c[name] for name in ("series_id", "due_at", "points")]
    return taken.returning(*own, *of_series, repository.c.default_branch)


async def still_held(db: AsyncConnection, claimed: Iterable[Claimed]) -> set[int]:
    """Tell of which series the claim still counts, and keep others from them until the transaction ends."""
    pairs = [(each.series_id, each.due_at) for each in claimed]
    mine = sa.select(analysis.c.series_id).where(sa.tuple_(analysis.c.series_id, analysis.c.due_at).in_(pairs))
    return set((await db.execute(mine.order_by(analysis.c.series_id).with_for_update())).scalars())


async def totals(db: AsyncConnection, series_ids: Sequence[int]) -> dict[int, int]:
    """Count the commits that were measured in some series."""
    number = sa.func.count(sa.distinct(measurement.c.commit_id))
    asked = sa.select(measurement.c.series_id, number).where(arrays.is_in(measurement.c.series_id, series_ids))
    return {series_id: total for series_id, total in await db.execute(asked.group_by(measurement.c.series_id))}


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """Where somebody has cut series by hand: the new level begins at the first point that is not before it."""

    repository_id: int
    board_type: str | None  # None: on all
    configuration: str | None
    place: Place

    def is_about(self, series: Claimed) -> bool:
        """Tell whether it cuts this series."""
        return (
            self.repository_id == series.repository_id
            and self.board_type in (None, series.board_type)
            and self.configuration in (None, series.configuration)
        )


async def boundaries(db: AsyncConnection, repository_ids: Iterable[int]) -> list[Boundary]:
    """List the annotations that cut."""
    names = ("repository_id", "board_type", "configuration")
    wanted = (
        sa.select(*(annotation.c[name] for name in names), made(commit).label("made"), commit.c.id)
        .join_from(annotation, commit, commit.c.id == annotation.c.commit_id)
        .where(annotation.c.cuts, annotation.c.repository_id.in_(set(repository_ids)))
    )
    rows = (await db.execute(wanted)).mappings()
    return [Boundary(**{name: row[name] for name in names}, place=(row["made"], row["id"])) for row in rows]


async def done(db: AsyncConnection, told: Sequence[Mapping[str, Any]]) -> None:
    """Keep what was found out of some series, which are due no more. Each tells `series_id` and what changes."""
    if not told:
        return
    names = ("points", "level", "sigma", "inflation")
    change = (
        sa.update(analysis)
        .where(analysis.c.series_id == sa.bindparam("series"))
        .values(due_at=None, analysed_at=sa.func.now(), **{name: sa.bindparam(name) for name in names})
    )
    await db.execute(change, [{"series": each["series_id"], **{n: each[n] for n in names}} for each in told])
