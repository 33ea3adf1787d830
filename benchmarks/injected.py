"""Invented histories with injected steps, and the score of a detector on them. Pure and seeded.

Noise is an AR(1) with normal, Student t₄, Laplace or bimodal innovations, robust sigma .5 … 2.3 %, and 1 % spikes of
5 … 20 sigma, as residuals of benchmark histories of real boards have them. Steps of one size lie at least 20 points
from each other and from the ends. Rounded to a quantum, and capped so that half of the unchanged points touch the cap.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVEL = 1000.0
SETTLING = 200  # points thrown away before a series begins
SMALLEST_SIGMA, LARGEST_SIGMA = 0.005, 0.023
SPIKES, SMALLEST_SPIKE, LARGEST_SPIKE = 0.01, 5.0, 20.0  # share of the points; sigmas
APART = 20  # points between steps, and from a step to either end
TOLERANCE = 5  # points between a step and the cut that finds it
FAMILIES = ("normal", "student", "laplace", "bimodal")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A kind of series."""

    name: str
    correlations: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6)
    quantum: float = 0.0  # of the level
    capped: bool = False  # steps go downwards only, one a series


@dataclass(frozen=True, kw_only=True)
class Injected:
    """One series and the truth about it."""

    values: Floats
    steps: tuple[int, ...]  # where the level shifts
    resolution: float  # in the unit of the values; 0 if nothing was rounded


CASES = (
    Case(name="φ ≤ .6, q = 0"),
    Case(name="φ ≤ .6, q = .2 %", quantum=0.002),
    Case(name="φ ≤ .6, q = 1.65 %", quantum=0.0165),
    Case(name="φ ≤ .6, q = 1.65 %, capped", quantum=0.0165, capped=True),
    Case(name="φ ≤ .8, q = 0", correlations=(0.0, 0.2, 0.4, 0.6, 0.8)),
    Case(name="φ ≤ .8, q = 1.65 %", correlations=(0.0, 0.2, 0.4, 0.6, 0.8), quantum=0.0165),
)


def noise(random: np.random.Generator, size: int, correlation: float, family: str) -> Floats:
    """Make noise with median 0 and robust sigma 1, correlated from point to point."""
    innovations = _innovations(random, size + SETTLING, correlation, family)
    made = np.empty(size + SETTLING)
    last = 0.0
    for at, innovation in enumerate(innovations.tolist()):
        last = correlation * last + innovation
        made[at] = last
    kept = made[SETTLING:] - np.median(made[SETTLING:])
    return kept / (1.4826 * np.median(np.abs(kept)))


def _innovations(random: np.random.Generator, size: int, correlation: float, family: str) -> Floats:
    if family == "student":
        return random.standard_t(4, size)
    if family == "laplace":
        return random.laplace(size=size)
    if family == "bimodal":
        turns = random.random(size) >= 0.5 + correlation / 2
        return 0.5 * random.normal(size=size) + 2.0 * (np.cumsum(turns) % 2)
    return random.normal(size=size)


def injected(random: np.random.Generator, case: Case, size: int = 300, step: float = 0.0) -> Injected:
    """Make one series of a case.

    Args:
        step: relative size of its steps, up or down; 0 makes none.
    """
    correlation, family = random.choice(case.correlations), random.choice(FAMILIES)
    sigma = float(np.exp(random.uniform(np.log(SMALLEST_SIGMA), np.log(LARGEST_SIGMA))))
    x = sigma * noise(random, size, correlation, family)
    hit = random.random(size) < SPIKES
    x += hit * random.choice([-1.0, 1.0], size) * random.uniform(SMALLEST_SPIKE, LARGEST_SPIKE, size) * sigma
    steps = _places(random, size, 1 if case.capped else int(random.integers(1, 3))) if step else ()
    for at in steps:
        x[at:] += step * (-1.0 if case.capped else random.choice([-1.0, 1.0]))
    values, quantum = LEVEL * np.exp(x), case.quantum * LEVEL
    if quantum:
        values = quantum * np.round(values / quantum)
    if case.capped:
        values = np.minimum(values, quantum * np.round(LEVEL / quantum) if quantum else LEVEL)
    return Injected(values=values, steps=steps, resolution=quantum)


def _places(random: np.random.Generator, size: int, count: int) -> tuple[int, ...]:
    while True:
        places = sorted(random.integers(APART, size - APART + 1, count).tolist())
        if all(after - before >= APART for before, after in itertools.pairwise(places)):
            return tuple(places)


@dataclass(frozen=True, kw_only=True)
class Score:
    """How well cuts were found, pooled over many series."""

    series: int
    real: int
    reported: int
    matched: int
    distances: tuple[int, ...]  # points between each matched pair

    @property
    def false_per_series(self) -> float:
        """Give the cuts that match nothing, per series."""
        return (self.reported - self.matched) / self.series

    @property
    def f1(self) -> float:
        """Give 2PR / (P + R)."""
        return 2 * self.matched / (self.reported + self.real) if self.reported + self.real else 1.0

    @property
    def median_distance(self) -> float:
        """Give the median of how far a found cut lies from its step."""
        return float(np.median(self.distances)) if self.distances else float("nan")


Detect = Callable[[Injected], Sequence[int]]


def score(detect: Detect, series: Iterable[Injected]) -> Score:
    """Match cuts with steps one to one, within five points, the nearest first."""
    count = real = reported = 0
    distances: list[int] = []
    for each in series:
        found = list(detect(each))
        count, real, reported = count + 1, real + len(each.steps), reported + len(found)
        distances += _matched(found, each.steps)
    return Score(series=count, real=real, reported=reported, matched=len(distances), distances=tuple(sorted(distances)))


def _matched(found: Sequence[int], steps: Sequence[int]) -> list[int]:
    pairs = sorted((abs(cut - step), cut, step) for cut in found for step in steps)
    cuts, real, distances = set(found), set(steps), []
    for distance, cut, step in pairs:
        if distance <= TOLERANCE and cut in cuts and step in real:
            cuts.remove(cut)
            real.remove(step)
            distances.append(distance)
    return distances


def many(seed: int, case: Case, count: int, size: int = 300, step: float = 0.0) -> Iterable[Injected]:
    """Make series one after the other; the same seed makes the same ones."""
    random = np.random.default_rng([seed, round(1000 * step), size])
    return (injected(random, case, size, step) for _ in range(count))
