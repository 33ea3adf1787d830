"""What the detector reads and leaves: series that are due, their points in commit order, and how far it got.

A claim is a moment ahead at which the series would be due again: who died with it holds nobody up, and a point
that comes meanwhile makes the series due anew, so that what was claimed before it counts no more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries.outbox import seconds
from app.db.tables import analysis, annotation, commit, measurement, repository, series
from app.history.shifts import Place

CLAIM_S = 120.0
MOST_POINTS = 10_000  # of one series that are looked at, the newest


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


@dataclass(frozen=True, kw_only=True)
class Line:
    """The points of one series in commit order, one per commit: the median of all its samples."""

    commits: Sequence[int]
    made: Sequence[float]  # seconds since 1970, not descending
    values: Sequence[float]
    total: int  # points there are, also those that are too old to be looked at
    resolution: float

    def place(self, index: int) -> Place:
        """Say where a point stands among the commits of the branch."""
        return self.made[index], self.commits[index]


def made(of: sa.FromClause) -> sa.ColumnElement[float]:
    """Give the moment by which a commit is ordered: as git says it was made, else as we first saw it."""
    return sa.cast(sa.extract("epoch", sa.func.coalesce(of.c.committed_at, of.c.seen_at)), sa.Double)


async def claim(db: AsyncConnection, limit: int) -> list[Claimed]:
    """Take series that are due; several workers get different ones."""
    clock = sa.func.clock_timestamp()
    due = sa.select(analysis.c.series_id).where(analysis.c.due_at <= clock).order_by(analysis.c.due_at)
    taken = (
        sa.update(analysis)
        .where(analysis.c.series_id.in_(due.limit(limit).with_for_update(skip_locked=True)))
        .where(series.c.id == analysis.c.series_id, repository.c.id == series.c.repository_id)
        .values(due_at=clock + seconds(CLAIM_S))
    )
    of_series = [series.c[name] for name in ("repository_id", "branch", "board_type", "configuration", "better")]
    own = [analysis.c[name] for name in ("series_id", "due_at", "points")]
    rows = await db.execute(taken.returning(*own, *of_series, repository.c.default_branch))
    return [Claimed(**row) for row in rows.mappings()]


async def still_held(db: AsyncConnection, claimed: Iterable[Claimed]) -> set[int]:
    """Tell of which series the claim still counts, and keep others from them until the transaction ends."""
    pairs = [(each.series_id, each.due_at) for each in claimed]
    mine = sa.select(analysis.c.series_id).where(sa.tuple_(analysis.c.series_id, analysis.c.due_at).in_(pairs))
    return set((await db.execute(mine.order_by(analysis.c.series_id).with_for_update())).scalars())


async def lines(db: AsyncConnection, series_ids: Sequence[int]) -> dict[int, Line]:
    """Read the points of some series; one without any is left out."""
    ranked = _ranked(series_ids)
    order = (ranked.c.made, ranked.c.commit_id)
    wanted = (
        sa.select(
            ranked.c.series_id,
            sa.func.max(ranked.c.total).label("total"),
            *(
                sa.func.array_agg(aggregate_order_by(ranked.c[name], *order)).label(label)
                for name, label in (("commit_id", "commits"), ("made", "made"), ("value", "values"))
            ),
            sa.func.coalesce(sa.func.max(ranked.c.resolution).filter(ranked.c.rank == 1), 0.0).label("resolution"),
        )
        .where(ranked.c.rank <= MOST_POINTS)
        .group_by(ranked.c.series_id)
    )
    rows = (await db.execute(wanted)).mappings()
    return {row["series_id"]: Line(**{name: row[name] for name in Line.__dataclass_fields__}) for row in rows}


def _ranked(series_ids: Sequence[int]) -> sa.Subquery:
    """Make one row of each commit that was measured; rank 1 is the newest."""
    again = measurement.alias("again")
    sample = sa.func.unnest(again.c.samples).table_valued("value").alias("sample").render_derived()
    several = (
        sa.select(sa.func.percentile_cont(0.5).within_group(sample.c.value))
        .select_from(again.join(sample, sa.true()))
        .where(again.c.series_id == measurement.c.series_id, again.c.commit_id == measurement.c.commit_id)
        .scalar_subquery()
    )
    at, number = made(commit), sa.func.count()
    newest_first = sa.over(
        sa.func.row_number(), partition_by=measurement.c.series_id, order_by=(at.desc(), measurement.c.commit_id.desc())
    )
    ids = sa.cast(list(series_ids), sa.ARRAY(sa.Integer))
    return (
        sa.select(
            measurement.c.series_id,
            measurement.c.commit_id,
            at.label("made"),
            sa.case((number == 1, sa.func.max(measurement.c.value)), else_=several).label("value"),
            sa.func.max(measurement.c.resolution).label("resolution"),
            newest_first.label("rank"),
            sa.over(sa.func.count(), partition_by=measurement.c.series_id).label("total"),
        )
        .join_from(measurement, commit, commit.c.id == measurement.c.commit_id)
        .where(measurement.c.series_id == sa.any_(ids))
        .group_by(measurement.c.series_id, measurement.c.commit_id, commit.c.committed_at, commit.c.seen_at)
        .subquery()
    )


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
