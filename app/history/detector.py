"""Where the level of a series shifted: segmentation that pays for noise, autocorrelation and heavy tails. Pure.

Refuses to see: steps below the floor or one sigma of the noise, and levels of fewer than three points.
"""

import itertools
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from app.history import scale
from app.history.arrays import Floats, np
from app.history.robust import change, median
from app.history.scale import Scaled
from app.history.segmentation import Segmented, segmented

FLOOR = 0.01  # relative: a smaller step is no news
ALPHA = 0.001  # chance that a rank test calls equal levels different
LEAST_POINTS = 6  # two segments of three
INTERVAL_99 = 2.5758  # sigmas
MEDIAN_TO_MEAN = math.sqrt(math.pi / 2)  # standard error of a median to that of a mean, normal noise
BAND = 3.0  # sigmas
REFITTED = 1000  # points
MARGIN = 50  # points


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A shift of the level. It says nothing of better or worse."""

    index: int  # the first point of the new level, counted in the values as given
    previous: int  # the last measured point before it: the cause lies in (previous, index]
    before: float  # medians of the neighbouring segments, in the unit of the series
    after: float
    change: float | None  # (after − before) / |before|; None from zero
    low: float | None  # 99 % interval of the change
    high: float | None
    points: int  # of the shorter neighbour: how many confirm it
    z: float  # of the rank test, autocorrelation paid for: how certain, not how large


@dataclass(frozen=True, kw_only=True)
class Detection:
    """What is known of the levels and the noise of one series."""

    cuts: tuple[Cut, ...] = ()
    sigma: float = 0.0  # noise of one point, relative to the level; 0.0 if there are too few points to say
    autocorrelation: float = 0.0  # of neighbouring points, 0 … 0.8
    level: float | None = None  # median of the segment that goes on; None without points
    band: tuple[float, float] | None = None  # where its next point lies unless something changes; None: nobody knows
    spikes: tuple[int, ...] = ()  # indices of lone outliers, which were left out
    measured: int = 0  # finite values

    @property
    def inflation(self) -> float:
        """Say how many times larger autocorrelation makes the variance of a mean."""
        return scale.inflation(self.autocorrelation)


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """The two that may be turned. One set of defaults serves all series."""

    floor: float = FLOOR
    alpha: float = ALPHA


DEFAULTS = Knobs()


def detect(
    values: Sequence[float | None],
    *,
    resolution: float = 0.0,
    boundaries: Iterable[int] = (),
    knobs: Knobs = DEFAULTS,
) -> Detection:
    """Find the cuts of a whole series.

    Args:
        values: the median of each commit, in commit order; None, NaN and infinities are commits not measured.
        resolution: the smallest step that the tool can show, in the unit of the values; 0 if it is not known.
        boundaries: indices at which somebody has cut the series by hand (a board was swapped): each stretch between
            them is judged by itself, and the boundaries are not among the cuts.
    Returns:
        Cuts in ascending order. Noise, level and band are those of the last stretch.
    """
    given = np.array([math.nan if value is None else value for value in values], dtype=np.float64)
    edges = sorted({0, len(given), *(at for at in boundaries if 0 < at < len(given))})
    found = [_detect(given[a:b], a, resolution, knobs) for a, b in itertools.pairwise(edges)]
    if not found:
        return Detection()
    return replace(
        found[-1],
        cuts=tuple(cut for each in found for cut in each.cuts),
        spikes=tuple(spike for each in found for spike in each.spikes),
        measured=sum(each.measured for each in found),
    )


def refit(
    values: Sequence[float | None],
    known: Sequence[Cut],
    *,
    resolution: float = 0.0,
    boundaries: Iterable[int] = (),
    knobs: Knobs = DEFAULTS,
) -> Detection:
    """Find the cuts anew after points were added, looking at the last 1,000 values only.

    What lies before stays as it was found. If a known cut or a boundary lies among the first 50 of those values, the
    look begins there: the stretch before it is too short to be judged again.

    Args:
        values: the whole series, or its end of at least 1,050 values; the indices of `known` count in it.
        known: the cuts of the last detection.
    """
    begin = len(values) - REFITTED
    if begin <= 0:
        return detect(values, resolution=resolution, boundaries=boundaries, knobs=knobs)
    hard = sorted(boundaries)
    begin = max((at for at in [*hard, *(cut.index for cut in known)] if begin <= at <= begin + MARGIN), default=begin)
    fresh = detect(values[begin:], resolution=resolution, boundaries=[at - begin for at in hard], knobs=knobs)
    moved = [replace(cut, index=cut.index + begin, previous=cut.previous + begin) for cut in fresh.cuts]
    return replace(
        fresh,
        cuts=(*(cut for cut in known if cut.index <= begin), *moved),
        spikes=tuple(spike + begin for spike in fresh.spikes),
    )


def _detect(given: Floats, offset: int, resolution: float, knobs: Knobs) -> Detection:
    places = np.flatnonzero(np.isfinite(given))
    values = given[places]
    if len(values) == 0:
        return Detection()
    step = resolution if resolution > 0 else scale.implied_step(values)
    scaled = scale.scaled(values, step) if len(values) >= LEAST_POINTS else None
    if scaled is None:
        return Detection(level=median(values), measured=len(values))
    return _report(values, (places + offset).tolist(), scaled, segmented(scaled, knobs.floor, knobs.alpha))


def _report(values: Floats, places: list[int], scaled: Scaled, found: Segmented) -> Detection:
    edges = [0, *found.cuts, len(values)]
    levels = [median(values[start:end]) for start, end in itertools.pairwise(edges)]
    cuts = []
    for number, (at, z) in enumerate(found.cuts.items(), 1):
        start, _, end = edges[number - 1 : number + 2]
        before, after = levels[number - 1 : number + 1]
        low, high = _interval(found, found.y[start:at], found.y[at:end])
        cuts.append(
            Cut(
                index=places[at],
                previous=places[at - 1],
                before=before,
                after=after,
                change=change(before, after),
                low=scaled.change(low, before),
                high=scaled.change(high, before),
                points=min(at - start, end - at),
                z=z,
            )
        )
    return Detection(
        cuts=tuple(cuts),
        sigma=found.sigma,
        autocorrelation=found.autocorrelation,
        level=levels[-1],
        band=_band(levels[-1], scaled, found),
        spikes=tuple(places[spike] for spike in found.spikes),
        measured=len(values),
    )


def _interval(found: Segmented, left: Floats, right: Floats) -> tuple[float, float]:
    """Give the interval of the difference of two medians from that of each.

    Source:
        Zou and Donner, Statistics in Medicine 27 (2008): the distances to the ends add as squares.
    """
    (left_down, left_up), (right_down, right_up) = (_reach(found, side) for side in (left, right))
    step = median(right) - median(left)
    return step - math.hypot(right_down, left_up), step + math.hypot(right_up, left_down)


def _reach(found: Segmented, side: Floats) -> tuple[float, float]:
    """Say how far below and above its own median the true median of a segment may lie.

    At least as far as for normal noise of the series' sigma; as far as the order statistics say where a segment has
    enough points: between two modes a median is much less certain.
    """
    count, inflation = len(side), scale.inflation(found.autocorrelation)
    least = INTERVAL_99 * MEDIAN_TO_MEAN * found.sigma * math.sqrt(inflation / count)
    aside = math.ceil(INTERVAL_99 * math.sqrt(count * inflation) / 2)
    ordered, middle = np.sort(side), median(side)
    low, high = count // 2 - aside, (count - 1) // 2 + aside
    if low < 0 or high >= count:
        return least, least
    return max(least, middle - float(ordered[low])), max(least, float(ordered[high]) - middle)


def _band(level: float, scaled: Scaled, found: Segmented) -> tuple[float, float] | None:
    """Give the band around a level; None where it is wider than numbers reach: that would expect anything."""
    width = BAND * found.sigma * math.sqrt(scale.inflation(found.autocorrelation))
    if scaled.unit is not None:
        low, high = level - width * scaled.unit, level + width * scaled.unit
        return (low, high) if math.isfinite(low) and math.isfinite(high) else None
    return level * math.exp(-width), min(level * math.exp(min(width, scale.LARGEST)), sys.float_info.max)
