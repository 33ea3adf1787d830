"""The points of a series, one per commit, and the step from each to the next. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.history.statistics import change, noise

NOISE_WINDOW = 12  # points before a step that say how much the series moves by itself
SIGMAS = 4.0
LEAST_STEP = 0.02  # relative; below it a step is never called one


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured at one commit."""

    sha: str
    title: str
    made_at: datetime
    job_id: int | None
    value: float  # median of the samples
    low: float
    high: float
    count: int


class Tone(StrEnum):
    """What a step means to the reader; only a hint, a verdict needs more points."""

    BETTER = "better"
    WORSE = "worse"
    MOVED = "moved"  # beyond the noise, direction unknown
    SAME = "same"


@dataclass(frozen=True, kw_only=True)
class Point:
    """What is known of one series at one commit, in the series' unit."""

    sha: str
    title: str
    made_at: datetime
    job_id: int | None  # the latest that measured it; None: it was imported
    value: float  # median of all samples at this commit
    low: float
    high: float
    samples: int
    change: float | None  # relative to the point before; None for the first or after a zero
    tone: Tone = Tone.SAME


def points(measured: Iterable[Measured], better: str | None) -> list[Point]:
    """Say of each commit how far it is from the one before; they come in commit order and so do the points."""
    found: list[Point] = []
    for each in measured:
        found.append(_point(each, [one.value for one in found[-NOISE_WINDOW:]], better))
    return found


def largest_step(found: Sequence[Point]) -> Point | None:
    """Find the point whose step from the one before is the largest outside of the noise; None if all is calm."""
    moved = [each for each in found if each.tone is not Tone.SAME and each.change is not None]
    return max(moved, key=lambda each: abs(each.change or 0.0), default=None)


def _point(measured: Measured, earlier: list[float], better: str | None) -> Point:
    return Point(
        **{name: getattr(measured, name) for name in ("sha", "title", "made_at", "job_id", "value", "low", "high")},
        samples=measured.count,
        change=change(earlier[-1], measured.value) if earlier else None,
        tone=_tone(earlier, measured.value, better),
    )


def _tone(earlier: list[float], value: float, better: str | None) -> Tone:
    """Call a step one only if it is far outside of what the points before it did."""
    if len(earlier) < 3:
        return Tone.SAME
    step = value - earlier[-1]
    if abs(step) <= max(SIGMAS * noise(earlier), LEAST_STEP * abs(earlier[-1])):
        return Tone.SAME
    if better is None:
        return Tone.MOVED
    return Tone.BETTER if (step < 0) == (better == "lower") else Tone.WORSE
