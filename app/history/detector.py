"""Where the level of a series shifted: segmentation that pays for noise, autocorrelation and heavy tails. Pure.

Refuses to see: steps below the floor or one sigma of the noise, and levels of fewer than three points.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.history import pelt, scale
from app.history.ranks import two_sided, u_deviate
from app.history.robust import Floats, median, running_median
from app.history.scale import Scaled

FLOOR = 0.01  # relative: a smaller step is no news
ALPHA = 0.001  # chance that a rank test calls equal levels different
LEAST_POINTS = 6  # two segments of three
SURE_STEP = 3.0  # sigmas between two levels that differ, whatever the autocorrelation
PER_CUT = 3.0  # sigma² · ln n: about the modified BIC of Zhang and Siegmund (2007)
HEAVY_TAILS = 2.0  # factor on the penalty
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
    band: tuple[float, float] | None = None  # where its next point lies unless something changes
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


@dataclass(frozen=True)
class _Stretch:
    """The part of a series between two annotations, its noise known."""

    values: Floats
    places: list[int]  # of the values in what was given
    scaled: Scaled
    y: Floats  # scaled, without spikes
    sigma: float
    autocorrelation: float
    spikes: list[int]
    found: list[int]  # cuts that stand
    deviates: list[float]


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
    level = median(values)
    scaled = scale.scaled(values, max(resolution, 0.0)) if len(values) >= LEAST_POINTS else None
    if scaled is None:
        return Detection(level=level, measured=len(values))
    stretch = _segment(values, (places + offset).tolist(), scaled, knobs)
    return _report(stretch)


def _segment(values: Floats, places: list[int], scaled: Scaled, knobs: Knobs) -> _Stretch:
    """Run the steps: noise, spikes, autocorrelation (twice), partition, pruning."""
    sigma = scale.sigma(scaled.y, running_median(scaled.y, scale.LONG_WINDOW), scaled.quantum)
    y, spikes = scale.spikes(scaled.y, sigma)
    correlation = scale.autocorrelation(y, sigma)
    found = _partition(y, sigma, correlation)
    sure = _sure(y, found, sigma)
    if sure:  # a fresh step is not followed by the running median, and looks like autocorrelation
        correlation = scale.autocorrelation(y, sigma, sure)
        found = _partition(y, sigma, correlation)
    standing = _prune(y, found, sigma, scale.inflation(correlation), knobs)
    return _Stretch(values, places, scaled, y, sigma, correlation, spikes, list(standing), list(standing.values()))


def _partition(y: Floats, sigma: float, correlation: float) -> list[int]:
    unit = (y - median(y)) / sigma
    return pelt.cuts(unit, HEAVY_TAILS * PER_CUT * scale.inflation(correlation) * math.log(len(y)))


def _sure(y: Floats, found: list[int], sigma: float) -> list[int]:
    levels = [median(piece) for piece in np.split(y, found)]
    return [
        cut
        for cut, before, after in zip(found, levels, levels[1:], strict=False)
        if abs(after - before) >= SURE_STEP * sigma
    ]


def _prune(y: Floats, found: list[int], sigma: float, inflation: float, knobs: Knobs) -> dict[int, float]:
    """Drop the least certain cut that does not stand, until all stand; give each its deviate."""
    edges = [0, *found, len(y)]
    least_step = max(math.log1p(knobs.floor), sigma)
    known: dict[tuple[int, int, int], tuple[float, bool]] = {}

    def judged(at: int) -> tuple[float, bool]:
        before, cut, after = edges[at - 1 : at + 2]
        if (before, cut, after) not in known:
            left, right = y[before:cut], y[cut:after]
            z = u_deviate(left, right) / math.sqrt(inflation)
            large = abs(median(right) - median(left)) >= least_step
            known[before, cut, after] = z, large and two_sided(z) < knobs.alpha
        return known[before, cut, after]

    while weak := [(judged(at)[0], at) for at in range(1, len(edges) - 1) if not judged(at)[1]]:
        del edges[min(weak)[1]]
    return {edges[at]: judged(at)[0] for at in range(1, len(edges) - 1)}


def _report(of: _Stretch) -> Detection:
    edges = [0, *of.found, len(of.y)]
    levels = [median(piece) for piece in np.split(of.values, of.found)]
    cuts = tuple(_cut(of, edges, levels, number) for number in range(1, len(edges) - 1))
    width = BAND * of.sigma * math.sqrt(scale.inflation(of.autocorrelation))
    last = levels[-1]
    if of.scaled.unit is None:
        band = (last * math.exp(-width), last * math.exp(min(width, 700.0)))
    else:
        band = (last - width * of.scaled.unit, last + width * of.scaled.unit)
    return Detection(
        cuts=cuts,
        sigma=of.sigma,
        autocorrelation=of.autocorrelation,
        level=last,
        band=band,
        spikes=tuple(of.places[spike] for spike in of.spikes),
        measured=len(of.values),
    )


def _cut(of: _Stretch, edges: list[int], levels: list[float], number: int) -> Cut:
    start, at, end = edges[number - 1 : number + 2]
    before, after = levels[number - 1 : number + 1]
    step = median(of.y[at:end]) - median(of.y[start:at])
    error = INTERVAL_99 * MEDIAN_TO_MEAN * of.sigma * math.sqrt(scale.inflation(of.autocorrelation))
    error *= math.sqrt(1 / (at - start) + 1 / (end - at))
    return Cut(
        index=of.places[at],
        previous=of.places[at - 1],
        before=before,
        after=after,
        change=of.scaled.change(step, before),
        low=of.scaled.change(step - error, before),
        high=of.scaled.change(step + error, before),
        points=min(at - start, end - at),
        z=of.deviates[number - 1],
    )
