"""The series of one benchmark and metric side by side, aligned by commit, as its page, exports and chart show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import curves as queries
from app.db.queries import points
from app.db.queries.points import Column, CommitFacts, Samples
from app.history import plot
from app.history.arrays import np
from app.history.plot import Level, Values
from app.history.statistics import median
from app.results import timeline


@dataclass(frozen=True, kw_only=True)
class Move:
    """A change point: where the level of one series shifted."""

    position: int  # of the first commit with the new level
    alert: int
    before: float
    after: float
    change: float
    low: float | None
    high: float | None
    is_worse: bool | None
    state: str  # of its alert
    reason: str


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One series with all that is drawn of it."""

    row: Mapping[str, Any]  # of the table, with level, sigma and inflation as the detector found them
    values: Values  # aligned with the commits; NaN: not measured
    moves: list[Move] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)

    @property
    def id(self) -> int:
        """Give the series' id."""
        return int(self.row["id"])


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What one series has at one commit, in its unit."""

    value: float  # median of all samples
    low: float
    high: float
    count: int  # samples that were taken
    samples: list[float]  # as long as they are kept
    job_id: int | None  # the latest that measured it; None: it was imported
    change: float | None  # relative to the series' point before
    cap: float | None


@dataclass(frozen=True, kw_only=True)
class History:
    """The commits of a chart and the series on it."""

    commits: list[CommitFacts]
    curves: list[Curve]
    position: dict[int, int]  # commit id → place on the axis
    columns: Mapping[int, Column]  # of each series, as they were read


async def read(
    db: AsyncConnection, rows: Sequence[sa.RowMapping], *, commits: int, repository_id: int
) -> tuple[History, list[sa.RowMapping]]:
    """Read the points of some series at the latest commits of any of them, and the remarks on the repository."""
    ids = [row["id"] for row in rows]
    columns = await points.latest(db, ids, commits=commits)
    at = await _commits(db, columns, commits)
    position = {each.id: number for number, each in enumerate(at)}
    values = {each: np.full(len(at), np.nan) for each in ids}
    for column in columns:
        _align(values[column.series_id], column, position, await timeline.pooled(db, column))
    shifts = await queries.shifts(db, ids)
    curves = [
        _curve(dict(row), values[row["id"]], [each for each in shifts if each["series_id"] == row["id"]], position)
        for row in rows
    ]
    remarks = await queries.annotations(db, repository_id)
    return History(
        commits=at, curves=curves, position=position, columns={each.series_id: each for each in columns}
    ), remarks


async def _commits(db: AsyncConnection, columns: Sequence[Column], most: int) -> list[CommitFacts]:
    """List the latest commits of all columns together, in commit order."""
    made = {
        commit_id: made_at
        for column in columns
        for commit_id, made_at in zip(column.commit_ids, column.made_at, strict=True)
    }
    latest = sorted(made, key=lambda each: (made[each], each))[-most:]
    facts = await points.commits(db, latest)
    return [facts[each] for each in latest]


def _align(values: Values, column: Column, position: Mapping[int, int], pooled: Mapping[int, float]) -> None:
    """Put the values of a column where their commits stand; those of commits that were cut off are left out."""
    places = np.fromiter((position.get(each, -1) for each in column.commit_ids), dtype=np.intp)
    values[places[places >= 0]] = np.asarray(column.values, dtype=float)[places >= 0]
    for commit_id, value in pooled.items():
        if commit_id in position:
            values[position[commit_id]] = value


def _curve(row: Mapping[str, Any], values: Values, shifts: Sequence[Any], position: Mapping[int, int]) -> Curve:
    names = ("before", "after", "change", "low", "high", "is_worse", "state", "reason")
    moves = [
        Move(
            position=position[each["until_commit_id"]],
            alert=each["shift_id"],
            **{name: each[name] for name in names},
        )
        for each in shifts
        if each["until_commit_id"] in position
    ]
    moves.sort(key=lambda each: each.position)
    sigma = row["sigma"]
    spread = sigma * (row["inflation"] or 1.0) ** 0.5 if sigma is not None else None
    return Curve(
        row=row, values=values, moves=moves, levels=plot.levels(values, [each.position for each in moves], sigma=spread)
    )


async def cells(db: AsyncConnection, history: History, positions: Sequence[int]) -> dict[int, dict[int, Cell]]:
    """Read all that was measured at some commits: position → series → cell."""
    wanted = {history.commits[each].id: each for each in positions}
    taken = await points.samples(db, [each.id for each in history.curves], list(wanted)) if wanted else []
    jobs = await points.jobs(db, {each.attempt_id for each in taken})
    measured: dict[tuple[int, int], list[Samples]] = {}
    for each in taken:
        measured.setdefault((wanted[each.commit_id], each.series_id), []).append(each)
    before = {each.id: _changes(each.values) for each in history.curves}
    found: dict[int, dict[int, Cell]] = {each: {} for each in positions}
    for (position, series_id), group in measured.items():
        found[position][series_id] = _cell(group, history.columns[series_id], jobs, before[series_id][position])
    return found


def _cell(group: Sequence[Samples], column: Column, jobs: Mapping[int | None, int], change: float) -> Cell:
    samples = [sample for each in group for sample in each.samples]
    low, high, count = _extent(group, samples, column)
    known = [jobs[each.attempt_id] for each in group if each.attempt_id in jobs]
    return Cell(
        value=median([sample for each in group for sample in each.samples or [each.value]]),
        low=low,
        high=high,
        count=count,
        samples=samples,
        job_id=max(known, default=None),
        change=None if np.isnan(change) else change,
        cap=group[-1].cap,
    )


def _extent(group: Sequence[Samples], samples: Sequence[float], column: Column) -> tuple[float, float, int]:
    """Say how far the samples reach and how many they were, also where some were not kept that long."""
    if all(each.samples for each in group):
        return min(samples), max(samples), len(samples)
    at = [place for place, each in enumerate(column.commit_ids) if each == group[0].commit_id]
    return (
        min(column.lows[each] for each in at),
        max(column.highs[each] for each in at),
        sum(column.counts[each] for each in at),
    )


def _changes(values: Values) -> list[float]:
    """Compare each point with the one before it that was measured; NaN where there is none, or nothing to divide by."""
    found = np.full(values.size, np.nan)
    at = np.flatnonzero(~np.isnan(values))
    before, now = values[at[:-1]], values[at[1:]]
    with np.errstate(divide="ignore", invalid="ignore"):
        found[at[1:]] = np.where(before == 0, np.nan, (now - before) / np.abs(before))
    changes: list[float] = found.tolist()
    return changes
