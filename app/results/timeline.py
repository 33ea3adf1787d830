"""The points of series, one for each commit: what was measured there, and of which commit and job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from operator import itemgetter
from statistics import median

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import points
from app.db.queries.points import Column, CommitFacts


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One series at one commit, in the series' unit: the median of all samples there, however often it was measured."""

    commit: CommitFacts
    value: float
    low: float
    high: float
    count: int  # samples
    attempt_id: int | None  # the latest; None: it was imported

    @property
    def place(self) -> tuple[datetime, int]:
        """Say where it stands in the order of commits."""
        return self.commit.made_at, self.commit.id


async def timelines(
    db: AsyncConnection, series_ids: Sequence[int], *, commits: int, before: tuple[datetime, int] | None = None
) -> dict[int, list[Measured]]:
    """Read the latest commits of some series, oldest first; a series without any has an empty list."""
    columns = await points.latest(db, series_ids, commits=commits, before=before)
    facts = await points.commits(db, list({each for column in columns for each in column.commit_ids}))
    found: dict[int, list[Measured]] = {series_id: [] for series_id in series_ids}
    for column in columns:
        again = await pooled(db, column)
        found[column.series_id] = [_joined(group, facts, again) for group in _by_commit(column)]
    return found


async def pooled(db: AsyncConnection, column: Column) -> dict[int, float]:
    """Give the median of all samples at each commit that was measured more than once.

    Where the samples were not kept that long, each measurement counts by its own median.
    """
    again = sorted({one for one, other in pairwise(column.commit_ids) if one == other})
    found: dict[int, list[float]] = {}
    for each in await points.samples(db, [column.series_id], again) if again else []:
        found.setdefault(each.commit_id, []).extend(each.samples or [each.value])
    return {commit_id: median(samples) for commit_id, samples in found.items()}


Row = tuple[int, float, float, float, int, int | None]  # commit, value, low, high, count, attempt


def _by_commit(column: Column) -> list[list[Row]]:
    rows = zip(
        column.commit_ids, column.values, column.lows, column.highs, column.counts, column.attempt_ids, strict=True
    )
    return [list(group) for _, group in groupby(rows, key=itemgetter(0))]


def _joined(group: Sequence[Row], facts: Mapping[int, CommitFacts], again: Mapping[int, float]) -> Measured:
    commit_id, value, low, high, count, attempt_id = group[0]
    if len(group) > 1:
        value = again.get(commit_id, median(each[1] for each in group))
        low, high = min(each[2] for each in group), max(each[3] for each in group)
        count, attempt_id = sum(each[4] for each in group), max((each[5] or 0) for each in group) or None
    return Measured(commit=facts[commit_id], value=value, low=low, high=high, count=count, attempt_id=attempt_id)
