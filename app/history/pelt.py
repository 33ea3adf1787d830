"""The optimal partition of a series into levels: exact PELT for least squares. Pure."""

import math
from collections import deque

from app.history.arrays import Floats, Integers, np

LEAST_SEGMENT = 3  # points: two outliers side by side are no level
PER_CUT = 3.0  # sigma² · ln n: about the modified BIC of Zhang and Siegmund (2007)
HEAVY_TAILS = 2.0  # benchmarks do not err like a normal distribution


def price(points: int, inflation: float) -> float:
    """Say what a cut has to gain, in sigma²: more in a longer series, and where noise is correlated."""
    return HEAVY_TAILS * PER_CUT * inflation * math.log(points)


def cuts(values: Floats, penalty: float) -> list[int]:
    """Find where to cut so that the squares around the segments' means, plus a penalty per cut, are least.

    The optimum F(t) of the first t points is penalty + the least F(s) + cost(s, t); a start s is dropped for good once
    F(s) + cost(s, t) > F(t), but only three points later. Until then the way over t is not open, for the segment that
    begins at t has to hold three points: dropping s at once loses the optimum.

    Args:
        values: centred and of moderate size: the cost is a difference of cumulative sums of squares.
        penalty: in the squared unit of the values, > 0.
    Returns:
        The first index of every segment but the first, ascending. Each segment has at least three points.
    Source:
        Killick, Fearnhead and Eckley, JASA 107 (2012), for the pruning.
    """
    n = len(values)
    if n < 2 * LEAST_SEGMENT:
        return []
    return _walk_back(_best_starts(values, penalty))


def _best_starts(values: Floats, penalty: float) -> Integers:
    """Give for each length t of a prefix the start of its last segment in the best partition."""
    n = len(values)
    sums, squares = np.zeros(n + 1), np.zeros(n + 1)
    np.cumsum(values, out=sums[1:])
    np.cumsum(values * values, out=squares[1:])
    best = np.full(n + 1, np.inf)
    best[0] = -penalty
    starts = np.zeros(n + 1, dtype=np.int64)
    alive = np.zeros((3, n + 1))  # of each start s that may be part of an optimum: s, sum(s), F(s) − squares(s)
    alive[2, 0] = -penalty
    count = 1
    condemned: deque[Floats] = deque()  # starts to be dropped, by the step that found them
    for t in range(LEAST_SEGMENT, n + 1):
        newest = t - LEAST_SEGMENT
        if newest >= LEAST_SEGMENT:
            alive[:, count] = newest, sums[newest], best[newest] - squares[newest]
            count += 1
        begins, before, base = alive[:, :count]
        rest = sums[t] - before
        totals = base - rest * rest / (t - begins)
        least = int(totals.argmin())
        best[t] = totals[least] + squares[t] + penalty
        starts[t] = int(begins[least])
        condemned.append(begins[totals > totals[least] + penalty])
        if len(condemned) == LEAST_SEGMENT:  # the oldest, in force from the next step on
            count = _drop(alive, count, condemned.popleft())
    return starts


def _drop(alive: Floats, count: int, gone: Floats) -> int:
    """Take starts out of the columns in use; return how many are left."""
    if not len(gone):
        return count
    kept = alive[:, :count][:, ~np.isin(alive[0, :count], gone, assume_unique=True)]
    left = len(kept[0])
    alive[:, :left] = kept
    return left


def _walk_back(starts: Integers) -> list[int]:
    found: list[int] = []
    start = int(starts[-1])
    while start > 0:
        found.append(start)
        start = int(starts[start])
    return found[::-1]
