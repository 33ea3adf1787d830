"""The points of series, as parallel lists: thousands of them are one range of one index for each series."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import arrays
from app.db.queries.measurements import MADE_AT
from app.db.queries.series import chosen
from app.db.tables import attempt, commit, measurement, repository, series

ROWS = 20_000  # measurements of one series at a time: as many commits, if few were measured twice
_COLUMNS = ("commit_id", "made_at", "value", "low", "high", "count", "attempt_id")


@dataclass(frozen=True, kw_only=True)
class Column:
    """Measurements of one series in commit order, oldest first, as parallel lists in the series' unit.

    A commit that was measured more than once is there more than once, side by side.
    """

    series_id: int
    commit_ids: list[int]
    made_at: list[datetime]  # of the commit
    values: list[float]  # medians
    lows: list[float]
    highs: list[float]
    counts: list[int]  # of samples
    attempt_ids: list[int | None]  # None: imported


class CommitFacts(NamedTuple):
    """What a chart says of a commit."""

    id: int
    sha: str
    title: str
    author: str
    made_at: datetime


async def latest(
    db: AsyncConnection, series_ids: Sequence[int], *, commits: int, before: tuple[datetime, int] | None = None
) -> list[Column]:
    """Read the latest commits of each series; those without a measurement are left out.

    Args:
        before: place of a commit, as (made_at, id): only what was made before it.
    """
    if not series_ids:
        return []
    asked = arrays.ids("asked", series_ids)
    newest = (measurement.c.made_at.desc(), measurement.c.commit_id.desc())
    # A window over one series in the order of the index ends as soon as its condition fails: nothing is sorted.
    rank = sa.func.dense_rank().over(order_by=newest).label("rank")
    mine = sa.select(*(measurement.c[name] for name in _COLUMNS), rank).where(measurement.c.series_id == asked.c.id)
    if before is not None:
        place = sa.tuple_(measurement.c.made_at, measurement.c.commit_id)
        mine = mine.where(place < sa.tuple_(sa.literal(before[0], MADE_AT.type), sa.literal(before[1])))
    ranked = mine.correlate(asked).subquery("ranked")
    few = sa.select(ranked).where(ranked.c.rank <= commits).order_by(ranked.c.rank).limit(ROWS).correlate(asked)
    rows = few.subquery("few")
    # Gathered for each series by itself: a grouping of all would be free to mix the rows of a series up.
    lists = [sa.func.array_agg(rows.c[name]).label(name) for name in _COLUMNS]
    gathered = sa.select(*lists).select_from(rows).correlate(asked).lateral("gathered")
    asking = sa.select(asked.c.id, gathered).join_from(asked, gathered, sa.true())
    found = await db.execute(asking.where(gathered.c.commit_id.is_not(None)))
    return [_column(series_id, [each[::-1] for each in columns]) for series_id, *columns in found]


def _column(series_id: int, columns: list[list[Any]]) -> Column:
    commit_ids, made_at, values, lows, highs, counts, attempt_ids = columns
    return Column(
        series_id=series_id,
        commit_ids=commit_ids,
        made_at=made_at,
        values=values,
        lows=lows,
        highs=highs,
        counts=counts,
        attempt_ids=attempt_ids,
    )


async def commits(db: AsyncConnection, commit_ids: Sequence[int]) -> dict[int, CommitFacts]:
    """Read what is known of some commits."""
    facts = (commit.c.id, commit.c.sha, commit.c.title, commit.c.author, MADE_AT)
    rows = await _lists(db, facts, commit.c.id, commit_ids)
    return {row[0]: CommitFacts._make(row) for row in rows}


async def jobs(db: AsyncConnection, attempt_ids: Iterable[int | None]) -> dict[int | None, int]:
    """Say of which job some attempts are."""
    ids = {each for each in attempt_ids if each is not None}
    return dict(await _lists(db, (attempt.c.id, attempt.c.job_id), attempt.c.id, sorted(ids)))


async def _lists(
    db: AsyncConnection, columns: Sequence[sa.ColumnElement[Any]], key: sa.Column[int], values: Sequence[int]
) -> Iterable[tuple[Any, ...]]:
    """Read rows by their keys as one row of lists: a tenth of what thousands of rows would cost."""
    asked = sa.select(*(sa.func.array_agg(each) for each in columns)).where(arrays.is_in(key, values))
    found = (await db.execute(asked)).one()
    return zip(*(each or () for each in found), strict=True)


class Samples(NamedTuple):
    """What one attempt or import measured of a series at a commit."""

    series_id: int
    commit_id: int
    attempt_id: int | None
    value: float
    samples: list[float]  # in the order they were taken; empty once they were kept long enough
    resolution: float | None
    cap: float | None


async def samples(db: AsyncConnection, series_ids: Sequence[int], commit_ids: Sequence[int]) -> list[Samples]:
    """Read the raw samples of some series at some commits, those measured earliest first; at most ROWS."""
    asked = arrays.ids("asked", series_ids)
    # Each by its place in the order, as the index has it: of a commit there are rows of many other series. Without the
    # offset all of the series would be read, as the planner knows nothing of how few the commits are.
    exact = (
        sa.select(measurement)
        .where(
            measurement.c.series_id == asked.c.id,
            measurement.c.made_at == MADE_AT,
            measurement.c.commit_id == commit.c.id,
        )
        .offset(0)
        .correlate(asked, commit)
        .lateral("exact")
    )
    wanted = (
        sa.select(*(exact.c[name] for name in Samples._fields))
        .join_from(asked, commit, arrays.is_in(commit.c.id, commit_ids))
        .join(exact, sa.true())
        .order_by(exact.c.measured_at, exact.c.id)
        .limit(ROWS)
    )
    return [Samples._make(row) for row in await db.execute(wanted)]


async def of_attempt(db: AsyncConnection, attempt_id: int, *, limit: int = 500) -> list[sa.RowMapping]:
    """Read what one attempt measured, with the series it went to: by benchmark, metric and series."""
    wanted = _with_series().where(measurement.c.attempt_id == attempt_id)
    order = (series.c.benchmark, series.c.metric, series.c.id)
    return list((await db.execute(wanted.order_by(*order).limit(limit))).mappings())


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """Which measurements are asked for: those of an attempt, or of a commit in one repository or in all."""

    attempt_id: int | None = None
    repository_id: int | None = None
    commit: str | None = None


async def list_(
    db: AsyncConnection,
    of: Measurements,
    filters: Mapping[str, str | Sequence[str]],
    *,
    after: int | None = None,
    limit: int = 500,
) -> list[sa.RowMapping]:
    """Read measurements with the series each went to, in the order they were stored.

    Args:
        after: id of the last measurement of the page before.
    """
    wanted = _with_series().where(*chosen(None, filters))
    if of.attempt_id is not None:
        wanted = wanted.where(measurement.c.attempt_id == of.attempt_id)
    else:
        every = sa.select(repository.c.id)  # the index of commits begins with it
        mine = every if of.repository_id is None else every.where(repository.c.id == of.repository_id)
        which = sa.select(commit.c.id).where(commit.c.sha == of.commit, commit.c.repository_id.in_(mine))
        wanted = wanted.where(measurement.c.commit_id.in_(which))
    if after is not None:
        wanted = wanted.where(measurement.c.id > after)
    return list((await db.execute(wanted.order_by(measurement.c.id).limit(limit))).mappings())


def _with_series() -> sa.Select[Any]:
    of_series = (each.label("series_id") if each.name == "id" else each for each in series.c)
    own = ("attempt_id", "value", "low", "high", "count", "samples", "resolution", "cap", "measured_at")
    return (
        sa.select(*of_series, measurement.c.id.label("id"), *(measurement.c[name] for name in own), attempt.c.job_id)
        .join_from(measurement, series, series.c.id == measurement.c.series_id)
        .outerjoin(attempt, attempt.c.id == measurement.c.attempt_id)
    )


async def newest(db: AsyncConnection, series_ids: Sequence[int]) -> dict[int, sa.RowMapping]:
    """Read the newest measurement of each series: its cap, resolution, samples, and of which attempt it is."""
    asked = arrays.ids("asked", series_ids)
    mine = sa.select(measurement).where(measurement.c.series_id == asked.c.id)
    order = (measurement.c.made_at.desc(), measurement.c.commit_id.desc())
    last = mine.order_by(*order).limit(1).correlate(asked).lateral("last")
    found = await db.execute(sa.select(last).join_from(asked, last, sa.true()))
    return {row["series_id"]: row for row in found.mappings()}
