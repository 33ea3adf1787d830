"""Which proposed cuts stand: certain, large enough, and a step rather than a slope, a burst or a habit. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.history import pelt
from app.history.arrays import Floats, np
from app.history.ranks import two_sided, u_deviate
from app.history.robust import median

SLOPE_MARGIN = 2.0  # sigma²: how much better a line must be than a step; the noise of comparing them
AROUND = 31  # points on each side that say how noisy it is around a cut
LEAST_AROUND = 15  # differences that make an estimate of their own
NOISIER = 2.0  # times the noise of the series: beyond the error of an estimate from 31 points
TRIMMED, OF_TRIMMED = 0.8, 0.790  # share of the differences that counts; their mean size for normal noise of sigma 1
RUN_CHANCE = 0.01  # of a run of outliers as long as the shorter segment, anywhere in the series
HABIT = 4  # cuts between the same two levels: the series alternates


@dataclass(frozen=True)
class Judge:
    """Judges a cut by the two segments beside it."""

    y: Floats  # the series without spikes, on the scale of judging
    raw: Floats  # the same with spikes
    sigma: float
    inflation: float
    least_step: float  # the floor on the scale of judging
    alpha: float
    spikes: int
    known: dict[tuple[int, int, int], tuple[float, bool]] = field(default_factory=dict)

    def judge(self, before: int, cut: int, after: int) -> tuple[float, bool]:
        """Give the deviate of the rank test, autocorrelation paid for, and whether the cut stands."""
        key = before, cut, after
        if key not in self.known:
            left, right = self.y[before:cut], self.y[cut:after]
            z = u_deviate(left, right) / math.sqrt(self.inflation)
            stands = (
                two_sided(z) < self.alpha
                and self._is_large(left, right)
                and not self._is_run(min(len(left), len(right)))
                and not self._is_slope(left, right)
                and self._pays(before, cut, after)
            )
            self.known[key] = z, stands
        return self.known[key]

    def _is_large(self, left: Floats, right: Floats) -> bool:
        return abs(median(right) - median(left)) >= max(self.least_step, self.sigma)

    def _is_run(self, points: int) -> bool:
        """Say whether so many outliers in a row are no surprise in a series with that many of them.

        With a share p of spikes, runs of k or more are expected in at most n·p^k places. One spike is added to the
        count, so that a series without any does not pass for one that cannot have them.
        """
        n = len(self.y)
        return n * ((self.spikes + 1) / (n + 2)) ** points > RUN_CHANCE

    def _is_slope(self, left: Floats, right: Floats) -> bool:
        """Say whether one straight line explains both segments better than two levels do: a drift, not a shift."""
        both = np.concatenate((left, right))
        time = np.arange(len(both)) - (len(both) - 1) / 2
        centred = both - both.mean()
        explained = float(time @ centred) ** 2 / float(time @ time)
        line = float(centred @ centred) - explained
        step = float(((left - left.mean()) ** 2).sum() + ((right - right.mean()) ** 2).sum())
        return line + SLOPE_MARGIN * self.sigma**2 * self.inflation < step

    def _pays(self, before: int, cut: int, after: int) -> bool:
        """Say whether the cut is worth the penalty also if the noise is larger here than in the whole series."""
        local = self._noise_around(before, cut, after)
        if local < NOISIER * self.sigma:
            return True
        left, right = self.y[before:cut], self.y[cut:after]
        step = abs(median(right) - median(left))
        gain = len(left) * len(right) / len(np.r_[left, right]) * (left.mean() - right.mean()) ** 2
        return step >= local and bool(gain >= local**2 * pelt.price(len(self.y), self.inflation))

    def _noise_around(self, before: int, cut: int, after: int) -> float:
        """Estimate the noise from differences of neighbours near the cut: of the noisier side, or of both together."""
        near = (self.raw[max(before, cut - AROUND) : cut], self.raw[cut : min(after, cut + AROUND)])
        sides = [np.abs(np.diff(side)) for side in near]
        return max(_sigma(side) for side in (*(s for s in sides if len(s) >= LEAST_AROUND), np.concatenate(sides)))


def _sigma(sizes: Floats) -> float:
    """Turn sizes of differences into a sigma, the largest fifth left out: smoother than a median on rounded values."""
    return float(np.sort(sizes)[: math.ceil(TRIMMED * len(sizes))].mean()) / OF_TRIMMED


def prune(judge: Judge, proposed: Sequence[int]) -> dict[int, float]:
    """Drop the least certain cut that does not stand, until all stand; give each its deviate."""
    edges = [0, *proposed, len(judge.y)]
    while True:
        judged = [(*judge.judge(*edges[at - 1 : at + 2]), at) for at in range(1, len(edges) - 1)]
        weak = [(z, at) for z, stands, at in judged if not stands]
        if not weak:
            return {edges[at]: z for z, _, at in judged}
        del edges[min(weak)[1]]


def without_habits(y: Floats, standing: dict[int, float], near: float) -> dict[int, float]:
    """Leave out cuts between two levels that the series has gone back and forth between four times or more.

    A benchmark with two modes (an alignment, a cache, a clock) stays in each for a while: a switch is no news.

    Args:
        near: levels closer than this are the same one.
    """
    if len(standing) < HABIT:
        return standing
    levels = np.array([median(piece) for piece in np.split(y, list(standing))])
    both = np.sort(np.column_stack((levels[:-1], levels[1:])), axis=1)
    same = (np.abs(both[:, None, :] - both[None, :, :]) <= near).all(axis=2).sum(axis=1)
    return {cut: z for (cut, z), times in zip(standing.items(), same.tolist(), strict=True) if times < HABIT}
