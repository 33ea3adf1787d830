"""What can be said of runs that were not interleaved: shown beside the history, never enough to fail a status. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.history import ranks
from app.history.arrays import Floats, np
from app.history.detector import Detection
from app.history.matters import Interval, Matters, relative
from app.history.paired import DEFAULT
from app.history.ratio import Ratio, snapped
from app.history.robust import change, median
from app.history.verdict import NOT_INTERLEAVED, Finding, Metric, Rule, Verdict

MOST_SAMPLES = 1024  # of a side: a million differences


def judge_unpaired(base: Sequence[float], head: Sequence[float], metric: Metric, rule: Rule = DEFAULT) -> Finding:
    """Judge two sets of samples that were measured one after the other.

    What changed on the board between both is taken for the commit's doing: with identical programs such a test rings
    in 30 to 70 of 100 cases. So the verdict is a hint; it never fails a status. One sample on a side is no set: the
    verdict is then "measured once".
    """
    old, new = _finite(base), _finite(head)
    if not len(old):
        return Finding(verdict=Verdict.NO_BASELINE)
    if not len(new):
        return Finding(verdict=Verdict.REMOVED)
    ratio = Ratio.of(old, new, metric.better)
    before, after = ratio.places(old), ratio.places(new)
    shifts = np.sort(snapped((after[:, None] - before[None, :]).ravel()))
    p = ranks.two_sided(ranks.u_deviate(before, after))
    interval = _interval(shifts, len(old), len(new), 1 - rule.alpha)
    low, high = relative(ratio, interval)
    return Finding(
        verdict=_verdict(median(shifts), interval, metric, Matters.of(ratio, metric, rule), certain=p <= rule.alpha)
        if min(len(old), len(new)) > 1
        else Verdict.ONCE,
        change=ratio.change(median(shifts)),
        low=low,
        high=high,
        p=p,
        note=NOT_INTERLEAVED,
    )


def _finite(samples: Sequence[float]) -> Floats:
    made = np.array(samples, dtype=np.float64).ravel()
    return made[np.isfinite(made)][:MOST_SAMPLES]


def _interval(shifts: Floats, n: int, m: int, level: float) -> tuple[float, float] | None:
    """Pick the interval of the shift among the n·m differences: c are left off at each end.

    Source:
        Moses: c is the largest with P(U ≤ c) ≤ (1 − level)/2, exact while a side has at most 20 samples.
    """
    if min(n, m) <= ranks.EXACT_SIDE:
        table = ranks.u_cdf(min(n, m), max(n, m))
        cut = int(np.searchsorted(table, (1 - level) / 2 * (1 + 1e-12), side="right")) - 1
    else:
        cut = math.floor(n * m / 2 - ranks.deviate(1 - level) * math.sqrt(n * m * (n + m + 1) / 12) - 0.5)
    return (float(shifts[cut]), float(shifts[-1 - cut])) if cut >= 0 else None


def _verdict(estimate: float, interval: Interval | None, metric: Metric, matters: Matters, *, certain: bool) -> Verdict:
    if metric.better is None:
        return Verdict.UNJUDGED
    return Verdict.UNDECIDED if interval is None else matters.verdict(estimate, interval, certain=certain)


class Place(StrEnum):
    """Where one value lies beside the band of its history."""

    INSIDE = "inside"
    ABOVE = "above"
    BELOW = "below"
    UNKNOWN = "unknown"  # there is no band: hardly any history


@dataclass(frozen=True, kw_only=True)
class Once:
    """A value that was measured once, beside what the history would expect."""

    value: float
    place: Place
    level: float | None = None  # of the segment that goes on
    band: tuple[float, float] | None = None  # level ± 3 sigma · √inflation
    change: float | None = None  # from the level; of one value, so no verdict


def once(value: float, history: Detection) -> Once:
    """Hold one value against the band of its series."""
    if history.band is None or history.level is None:
        return Once(value=value, place=Place.UNKNOWN, level=history.level)
    low, high = history.band
    place = Place.BELOW if value < low else Place.ABOVE if value > high else Place.INSIDE
    moved = change(history.level, value)
    return Once(value=value, place=place, level=history.level, band=history.band, change=moved)
