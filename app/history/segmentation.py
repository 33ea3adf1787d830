"""One stretch of a series from its values to the cuts that stand: the steps of the detector in their order. Pure."""

import math
from dataclasses import dataclass

from app.history import pelt, scale
from app.history.arrays import Floats, np
from app.history.robust import median
from app.history.scale import Scaled
from app.history.standing import Judge, prune, without_habits

SURE_STEP = 3.0  # sigmas between two levels that differ, whatever the autocorrelation


@dataclass(frozen=True, kw_only=True)
class Segmented:
    """A stretch, its noise and its cuts."""

    y: Floats  # on the scale of judging, without spikes
    sigma: float
    autocorrelation: float
    spikes: list[int]
    cuts: dict[int, float]  # index of the first point of each new level, and the deviate of its rank test


def segmented(of: Scaled, floor: float, alpha: float) -> Segmented:
    """Find noise, spikes, autocorrelation and cuts.

    Args:
        floor: relative; a smaller step is no news.
        alpha: chance that the rank test calls equal levels different.
    """
    sigma = scale.sigma(of.y, of.quantum)
    y, spikes = scale.spikes(of.y, sigma)
    correlation = scale.autocorrelation(y, sigma)
    proposed = _partition(y, sigma, correlation)
    sure = _sure(y, proposed, sigma)
    if sure:  # a fresh step is not followed by the running median, and looks like autocorrelation
        correlation = scale.autocorrelation(y, sigma, sure)
        proposed = _partition(y, sigma, correlation)
    least = math.log1p(floor)
    judge = Judge(y, of.y, sigma, scale.inflation(correlation), least, alpha, len(spikes))
    cuts = without_habits(y, prune(judge, proposed), max(least, sigma))
    return Segmented(y=y, sigma=sigma, autocorrelation=correlation, spikes=spikes, cuts=cuts)


def _partition(y: Floats, sigma: float, correlation: float) -> list[int]:
    return pelt.cuts((y - median(y)) / sigma, pelt.price(len(y), scale.inflation(correlation)))


def _sure(y: Floats, proposed: list[int], sigma: float) -> list[int]:
    levels = np.array([median(piece) for piece in np.split(y, proposed)])
    large = np.abs(np.diff(levels)) >= SURE_STEP * sigma
    return [cut for cut, sure in zip(proposed, large.tolist(), strict=True) if sure]
