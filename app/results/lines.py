"""The points of series as the detector reads them: one value for each commit, in commit order."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import analysing, points
from app.db.queries.analysing import Claimed
from app.db.queries.points import Column
from app.history.shifts import Place
from app.results import steps, timeline

MOST_POINTS = 10_000  # of one series that is looked at as a whole, the newest
WINDOW = 1_100  # of one that was, and only got some points: `detector.refit` wants 1,050
ADDED = 50  # more points than this since the last time, and a series is looked at as a whole again


@dataclass(frozen=True, kw_only=True)
class Line:
    """The newest points of one series, oldest first; never empty."""

    places: Sequence[Place]  # of the commits
    total: int  # points there are
    is_new: bool  # it has to be looked at as a whole
    values: Sequence[float]  # medians of all samples at each
    resolution: float  # the smallest step that the tool can show; 0.0 if it is not known
    newest: tuple[int | None, int | None]  # attempts of the last two points, the newest last; None: imported, or none

    @property
    def commits(self) -> list[int]:
        """Give the commits' rows."""
        return [commit_id for _, commit_id in self.places]

    def find(self, place: Place) -> int | None:
        """Find the point at a commit, or the next one if it is measured there no more; None if it is too old."""
        if self.total > len(self.places) and place <= self.places[0]:
            return None
        return min(max(1, bisect_left(self.places, place)), len(self.places) - 1)


async def read(db: AsyncConnection, claimed: Sequence[Claimed]) -> dict[int, Line]:
    """Read the points of some series; one without any is left out."""
    ids = [each.series_id for each in claimed]
    totals = await analysing.totals(db, ids)
    told = {series_id: row["resolution"] for series_id, row in (await points.newest(db, ids)).items()}
    found = {}
    for is_new in (True, False):
        some = {each.series_id: each for each in claimed if _is_new(each, totals) is is_new}
        for column in await points.latest(db, list(some), commits=MOST_POINTS if is_new else WINDOW):
            series = some[column.series_id]
            resolution = told.get(column.series_id) or steps.implied(series.step, series.step_samples) or 0.0
            line = _line(column, await timeline.pooled(db, column), resolution)
            found[column.series_id] = replace(line, total=totals[column.series_id], is_new=is_new)
    return found


def _is_new(series: Claimed, totals: Mapping[int, int]) -> bool:
    return series.points == 0 or totals.get(series.series_id, 0) > series.points + ADDED


def _line(column: Column, pooled: dict[int, float], resolution: float) -> Line:
    """Join what was measured more than once at one commit."""
    values: dict[Place, list[float]] = {}
    attempts: dict[Place, int | None] = {}
    for place, value, attempt_id in zip(
        zip(column.made_at, column.commit_ids, strict=True), column.values, column.attempt_ids, strict=True
    ):
        values.setdefault(place, []).append(value)
        attempts[place] = attempt_id
    before, now = [None, *attempts.values()][-2:]
    return Line(
        places=list(values),
        total=len(values),
        is_new=True,
        values=[pooled.get(commit_id, median(several)) for (_, commit_id), several in values.items()],
        resolution=resolution,
        newest=(before, now),
    )
