"""The optimal partition of a series into levels: exact PELT for least squares. Pure."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_SEGMENT = 3  # points: two outliers side by side are no level


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


def _best_starts(values: Floats, penalty: float) -> NDArray[np.int64]:
    """Give for each length t of a prefix the start of its last segment in the best partition."""
    n = len(values)
    sums, squares = np.zeros(n + 1), np.zeros(n + 1)
    np.cumsum(values, out=sums[1:])
    np.cumsum(values * values, out=squares[1:])
    best = np.full(n + 1, np.inf)
    best[0] = -penalty
    starts = np.zeros(n + 1, dtype=np.int64)
    alive = np.zeros(1, dtype=np.int64)  # starts that may still be part of an optimum
    base = best[:1] - squares[:1]  # F(s) − squares(s) of those alive
    condemned: list[NDArray[np.int64]] = []  # starts to be dropped, by the step that found them
    for t in range(LEAST_SEGMENT, n + 1):
        newest = t - LEAST_SEGMENT
        if newest >= LEAST_SEGMENT:
            alive = np.append(alive, newest)
            base = np.append(base, best[newest] - squares[newest])
        rest = sums[t] - sums[alive]
        totals = base - rest * rest / (t - alive)
        least = int(totals.argmin())
        best[t] = totals[least] + squares[t] + penalty
        starts[t] = alive[least]
        condemned.append(alive[totals + squares[t] > best[t]])
        if len(condemned) == LEAST_SEGMENT:  # the oldest, in force from the next step on
            alive, base = _without(alive, base, condemned.pop(0))
    return starts


def _without(alive: NDArray[np.int64], base: Floats, gone: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
    if not len(gone):
        return alive, base
    kept = ~np.isin(alive, gone, assume_unique=True)
    return alive[kept], base[kept]


def _walk_back(starts: NDArray[np.int64]) -> list[int]:
    found: list[int] = []
    start = int(starts[-1])
    while start > 0:
        found.append(start)
        start = int(starts[start])
    return found[::-1]
