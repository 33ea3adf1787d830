"""One stretch of a series made ready to be judged: its scale, its noise, its spikes, its autocorrelation. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.history.arrays import Floats, np
from app.history.robust import median, running_median, spread, within_numbers

LONG_WINDOW, SHORT_WINDOW = 31, 5  # points of the running medians: the level, and the level next to a spike
SPIKE = 4.0  # sigmas from the short running median
CLIP = 3.0  # sigmas: what a residual counts at most towards the autocorrelation
LARGEST_AUTOCORRELATION = 0.8
LEAST_SIGMA = 1e-6  # relative: below it lies rounding
LEAST_FOR_STEP = 20  # values: fewer may be round by chance
STEP_DIGITS = 7
LARGEST = 700.0  # the exponential of more leaves the numbers
FURTHEST = 1e6  # medians: values further out would cost the sums of squares their digits


@dataclass(frozen=True)
class Scaled:
    """Values on the scale on which changes are relative: logarithms, or parts of the median if one is not positive."""

    y: Floats
    quantum: float  # smallest step of the tool, on this scale
    unit: float | None  # one of this scale in the unit of the series; None for logarithms

    def change(self, step: float, before: float) -> float | None:
        """Turn a step on this scale into a relative change; None from zero."""
        if self.unit is None:
            return math.expm1(min(step, LARGEST))
        return within_numbers(step * (self.unit / abs(before))) if before else None


def scaled(values: Floats, resolution: float) -> Scaled | None:
    """Choose the scale. None if the series lies at zero: nothing is relative to that."""
    middle = median(np.abs(values))
    if middle == 0 or not math.isfinite(resolution / middle):
        return None
    if values.min() > 0:
        return Scaled(np.log(values), resolution / middle, None)
    with np.errstate(over="ignore"):
        return Scaled(np.clip(values / middle, -FURTHEST, FURTHEST), resolution / middle, middle)


def implied_step(values: Floats) -> float:
    """Find the step that a tool rounds to: the largest of 1, .5, .1, .05 … that divides all of 20 or more values.

    0.0 if there is none above a ten-millionth of the values.
    """
    if len(values) < LEAST_FOR_STEP:
        return 0.0
    largest = float(np.abs(values).max())
    if not 1e-280 < largest < 1e280:
        return 0.0
    power = math.floor(math.log10(largest))
    for step in (digit * 10.0**at for at in range(power, power - STEP_DIGITS, -1) for digit in (5, 1)):
        if _are_multiples(values[:LEAST_FOR_STEP], step) and _are_multiples(values, step):
            return step
    return 0.0


def _are_multiples(values: Floats, step: float) -> bool:
    counts = values / step
    return bool((np.abs(counts - np.rint(counts)) < 1e-6).all())


def level(y: Floats) -> Floats:
    """Follow the level: a running median, in short series over two thirds of the points.

    A window that holds nearly all of a series cannot follow its steps, and would take them for noise.
    """
    window = max(SHORT_WINDOW, 2 * len(y) // 3) | 1
    return running_median(y, min(LONG_WINDOW, window))


def sigma(y: Floats, quantum: float) -> float:
    """Estimate the noise of one point.

    Differences of neighbours do not see steps or drift but underrate correlated noise; distances from a running median
    see correlated noise. The larger one counts, and never less than what rounding to the quantum makes.
    """
    return max(spread(np.diff(y)) / math.sqrt(2), spread(y - level(y)), quantum / math.sqrt(12), LEAST_SIGMA)


def spikes(y: Floats, noise: float) -> tuple[Floats, list[int]]:
    """Lay lone outliers back onto the level around them; three equal points at the end are a level, not outliers."""
    near = running_median(y, SHORT_WINDOW)
    out = np.abs(y - near) > SPIKE * noise
    return np.where(out, near, y), np.flatnonzero(out).tolist()


def autocorrelation(y: Floats, noise: float, starts: Sequence[int] = ()) -> float:
    """Estimate the correlation of neighbouring residuals around running medians inside of each piece, 0 … 0.8.

    Large residuals are clipped, not dropped: dropping breaks the pairs of coarsely rounded series.
    """
    pieces = np.split(y, starts)
    levels = [running_median(piece, LONG_WINDOW) for piece in pieces] if starts else [level(y)]
    rest = y - np.concatenate(levels)
    rest = np.clip(rest - median(rest), -CLIP * noise, CLIP * noise)
    total = float(rest @ rest)
    return min(max(float(rest[:-1] @ rest[1:]) / total, 0.0), LARGEST_AUTOCORRELATION) if total > 0 else 0.0


def inflation(correlation: float) -> float:
    """Say how many times larger the variance of a mean becomes, under an AR(1)."""
    return (1 + correlation) / (1 - correlation)
