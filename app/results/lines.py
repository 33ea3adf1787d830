"""The points of series as the detector reads them: one value for each commit, in commit order."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import points
from app.db.queries.analysing import Claimed
from app.db.queries.points import Column
from app.history.shifts import Place
from app.results import steps, timeline

MOST_POINTS = 10_000  # of one series, the newest


@dataclass(frozen=True, kw_only=True)
class Line:
    """The newest points of one series, oldest first; never empty."""

    places: Sequence[Place]  # of the commits
    values: Sequence[float]  # medians of all samples at each
    resolution: float  # the smallest step that the tool can show; 0.0 if it is not known
    newest: tuple[int | None, int | None]  # attempts of the last two points, the newest last; None: imported, or none

    @property
    def commits(self) -> list[int]:
        """Give the commits' rows."""
        return [commit_id for _, commit_id in self.places]

    def find(self, place: Place) -> int | None:
        """Find the point at a commit, or the next one if it is measured there no more; None if it is too old."""
        if len(self.places) == MOST_POINTS and place <= self.places[0]:
            return None
        return min(max(1, bisect_left(self.places, place)), len(self.places) - 1)


async def read(db: AsyncConnection, claimed: Sequence[Claimed]) -> dict[int, Line]:
    """Read the points of some series; one without any is left out."""
    ids = [each.series_id for each in claimed]
    columns = await points.latest(db, ids, commits=MOST_POINTS)
    told = {series_id: row["resolution"] for series_id, row in (await points.newest(db, ids)).items()}
    implied = {each.series_id: steps.implied(each.step, each.step_samples) for each in claimed}
    found = {}
    for column in columns:
        resolution = told.get(column.series_id) or implied[column.series_id] or 0.0
        found[column.series_id] = _line(column, await timeline.pooled(db, column), resolution)
    return found


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
        values=[pooled.get(commit_id, median(several)) for (_, commit_id), several in values.items()],
        resolution=resolution,
        newest=(before, now),
    )
