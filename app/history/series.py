"""The points of a series, one per commit, and the step from each to the next. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby

from app.history.statistics import change, median, noise

NOISE_WINDOW = 12  # points before a step that say how much the series moves by itself
SIGMAS = 4.0
LEAST_STEP = 0.02  # relative; below it a step is never called one


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One measurement as it is stored, with its commit."""

    commit_id: int
    sha: str
    title: str
    made_at: datetime
    job_id: int
    samples: Sequence[float]


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
    job_id: int  # the latest that measured it
    value: float  # median of all samples at this commit
    low: float
    high: float
    samples: int
    change: float | None  # relative to the point before; None for the first or after a zero
    tone: Tone = Tone.SAME


def points(measured: Iterable[Measured], better: str | None) -> list[Point]:
    """Join the measurements of each commit into one point; they come in commit order and so do the points."""
    found: list[Point] = []
    for _, group in groupby(measured, key=lambda each: each.commit_id):
        found.append(_point(list(group), [each.value for each in found], better))
    return found


def largest_step(found: Sequence[Point]) -> Point | None:
    """Find the point whose step from the one before is the largest outside of the noise; None if all is calm."""
    moved = [each for each in found if each.tone is not Tone.SAME and each.change is not None]
    return max(moved, key=lambda each: abs(each.change or 0.0), default=None)


def _point(at_commit: list[Measured], earlier: list[float], better: str | None) -> Point:
    latest = max(at_commit, key=lambda each: each.job_id)
    samples = [sample for each in at_commit for sample in each.samples]
    value = median(samples)
    return Point(
        sha=latest.sha,
        title=latest.title,
        made_at=latest.made_at,
        job_id=latest.job_id,
        value=value,
        low=min(samples),
        high=max(samples),
        samples=len(samples),
        change=change(earlier[-1], value) if earlier else None,
        tone=_tone(earlier[-NOISE_WINDOW:], value, better),
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
