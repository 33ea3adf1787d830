"""Benchmarks that belong together by their names, and one line for all of a group. Pure."""

import math
from collections.abc import Sequence
from statistics import median


def together(lines: Sequence[Sequence[float]]) -> list[float]:
    """Join series into one: the geometric mean of each one's values relative to its median.

    The series end at the same commit, and the shorter ones begin later. What is not above zero has no
    place in a geometric mean and is passed over.

    Returns:
        As many values as the longest series has, around 1; fewer where nothing could be joined.
    """
    relative = [_relative(line) for line in lines]
    longest = max(map(len, relative), default=0)
    found = []
    for back in range(longest, 0, -1):
        at = (line[-back] for line in relative if len(line) >= back)
        known = [each for each in at if each is not None]
        if known:
            found.append(math.exp(math.fsum(known) / len(known)))
    return found


def _relative(line: Sequence[float]) -> list[float | None]:
    above = [each for each in line if each > 0]
    middle = median(above) if above else 1.0
    return [math.log(each / middle) if each > 0 else None for each in line]
