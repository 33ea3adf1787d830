"""How many jobs passed and did not, day by day: counted once for days that are over, and drawn as bars."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from app.db.queries import glances
from app.deps import Deps
from app.states import JobState

DAYS = 14
TODAY_S, PAST_S = 30.0, 3600.0  # seconds until today, and the days before it, are counted again
HEIGHT, STEP, WIDTH = 96, 24, 18  # of the drawing, of a day, of its bar

Counts = dict[tuple[int, JobState], int]


@dataclass(frozen=True, kw_only=True)
class Day:
    """The jobs that ended on one day, in UTC."""

    day: date
    passed: int
    failed: int  # the commit's fault
    other: int  # neither: errored, timed out, cancelled, skipped

    @property
    def jobs(self) -> int:
        """Count them all."""
        return self.passed + self.failed + self.other


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One part of a bar, from the top of the drawing down."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One day as it is drawn."""

    day: Day
    x: int
    pieces: tuple[Piece, ...]


class Days:
    """What this process has counted."""

    def __init__(self) -> None:
        self._counted: dict[date, tuple[float, Counts]] = {}
        self._one_by_one = asyncio.Lock()

    async def last(self, deps: Deps) -> list[Day]:
        """Give the last days, today as the last one."""
        today = datetime.now(UTC).date()
        days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
        async with self._one_by_one:
            await self._count(deps, [day for day in days if self._is_old(day, today)])
        self._counted = {day: self._counted[day] for day in days}
        return [_summed(day, self._counted[day][1]) for day in days]

    def _is_old(self, day: date, today: date) -> bool:
        known = self._counted.get(day)
        lasts = TODAY_S if day == today else PAST_S
        # A day that was counted while it was not over yet is counted once more when it is.
        return known is None or time.monotonic() - known[0] > lasts

    async def _count(self, deps: Deps, days: list[date]) -> None:
        if not days:
            return
        async with deps.autocommit() as db:
            found = await glances.ended_by_day(db, days[0], days[-1])
        for day in days:
            self._counted[day] = (time.monotonic(), found.get(day, {}))


def _summed(day: date, counts: Counts) -> Day:
    by: dict[JobState, int] = {}
    for (_, state), jobs in counts.items():
        by[state] = by.get(state, 0) + jobs
    passed, failed = by.get(JobState.PASSED, 0), by.get(JobState.FAILED, 0)
    return Day(day=day, passed=passed, failed=failed, other=sum(by.values()) - passed - failed)


def bars(days: list[Day]) -> list[Bar]:
    """Draw days side by side on one scale."""
    most = max((each.jobs for each in days), default=0) or 1
    return [Bar(day=each, x=at * STEP, pieces=_pieces(each, most)) for at, each in enumerate(days)]


def _pieces(day: Day, most: int) -> tuple[Piece, ...]:
    """Stack what passed below what did not; what there is at all is seen."""
    y, found = float(HEIGHT), []
    for kind in ("passed", "other", "failed"):
        if jobs := getattr(day, kind):
            height = max(1.5, round(HEIGHT * jobs / most, 1))
            y -= height
            found.append(Piece(kind=kind, y=round(max(0.0, y), 1), height=height))
    return tuple(found)
