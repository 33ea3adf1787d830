"""Robust levels, spreads and running medians of one series. Pure."""

import math
import sys

from app.history.arrays import Floats, np

NORMAL_CONSISTENCY = 1.4826  # makes the MAD of a normal sample estimate its sigma


def median(values: Floats) -> float:
    """Give the middle value; the mean of the middle two."""
    half = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, half)[half])
    middle = np.partition(values, (half - 1, half))
    return float(middle[half - 1] / 2 + middle[half] / 2)  # halved first: two huge values have a sum beyond the numbers


def change(before: float, after: float) -> float | None:
    """Give the relative change, at most the largest number there is; None from zero."""
    if before == 0:
        return None
    found = after / abs(before) - math.copysign(1.0, before)  # divided first: a difference may leave the numbers
    return within_numbers(found)


def within_numbers(found: float) -> float:
    """Give the largest number there is for one that is larger, on either side."""
    return min(max(found, -sys.float_info.max), sys.float_info.max)


def spread(values: Floats) -> float:
    """Estimate sigma as 1.4826 times the median distance from the median; 0.0 if most values are equal.

    Source:
        Rousseeuw and Croux, JASA 88 (1993), section 1: the scaled MAD.
    """
    return NORMAL_CONSISTENCY * median(np.abs(values - median(values)))


def running_median(values: Floats, window: int) -> Floats:
    """Give the median of the window around each point; at the ends the window is cut off.

    Args:
        window: odd.
    """
    half, n = window // 2, len(values)
    padded = np.concatenate((np.full(half, np.inf), values, np.full(half, np.inf)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, window)
    found = np.empty(n)
    inner = slice(half, max(half, n - half))
    found[inner] = np.partition(windows[inner], half, axis=1)[:, half] if n > 2 * half else 0.0
    ends = np.concatenate((np.arange(min(half, n)), np.arange(max(half, n - half), n)))
    ordered = np.sort(windows[ends], axis=1)  # what lies beyond the series sorts behind it
    inside = np.minimum(ends + half + 1, n) - np.maximum(ends - half, 0)
    row = np.arange(len(ends))
    found[ends] = (ordered[row, (inside - 1) // 2] + ordered[row, inside // 2]) / 2
    return found
