"""Executions as they come off a board: streams of base and head, interleaved, for judging verdicts."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from app.history.verdict import Better, Metric
from benchmarks.injected import noise

Pairs = list[tuple[float, float]]
TIME = Metric(better=Better.LOWER)
FRAMES = Metric(better=Better.HIGHER, resolution=1, cap=61)


def alternating(values: NDArray[np.float64]) -> Pairs:
    """Take a stream of executions as B H H B B H H B …, as a job with two builds runs them."""
    turned = values.reshape(-1, 2).copy()
    turned[1::2] = turned[1::2, ::-1]
    return [(float(base), float(head)) for base, head in turned]


def hostile(random: np.random.Generator, pairs: int) -> Pairs:
    """Make a machine that others use too: CV above 30 %, lag-1 autocorrelation above .6, long tail upwards."""
    slow = noise(random, 2 * pairs, 0.85, "normal")
    return alternating(100 * np.exp(0.32 * slow + 0.12 * random.normal(size=2 * pairs)))


def normal(random: np.random.Generator, pairs: int) -> Pairs:
    """Err like a normal distribution, by 5 %."""
    return alternating(random.normal(100, 5, 2 * pairs))


def bimodal(random: np.random.Generator, pairs: int) -> Pairs:
    """Have two modes 30 % apart."""
    return alternating(100 + 30.0 * (random.random(2 * pairs) < 0.4) + random.normal(size=2 * pairs))


def integer(random: np.random.Generator, pairs: int) -> Pairs:
    """Show whole numbers only, around 30."""
    return alternating(np.round(random.normal(30, 3, 2 * pairs)))


def capped(random: np.random.Generator, pairs: int) -> Pairs:
    """Touch a cap of 61 most of the time."""
    return alternating(np.minimum(61.0, np.round(random.normal(60.5, 1.5, 2 * pairs))))


def constant(_random: np.random.Generator, pairs: int) -> Pairs:
    """Show the same number always."""
    return alternating(np.full(2 * pairs, 8.0))


STREAMS: dict[str, tuple[Callable[[np.random.Generator, int], Pairs], Metric]] = {
    "hostile": (hostile, TIME),
    "normal": (normal, TIME),
    "bimodal": (bimodal, TIME),
    "integer": (integer, Metric(better=Better.LOWER, resolution=1)),
    "capped": (capped, FRAMES),
    "constant": (constant, TIME),
}


def changed(random: np.random.Generator, pairs: int, change: float, sigma: float) -> Pairs:
    """Make pairs whose log-ratio has a standard deviation of sigma."""
    base = 100 * np.exp(random.normal(0, sigma / np.sqrt(2), pairs))
    head = 100 * (1 + change) * np.exp(random.normal(0, sigma / np.sqrt(2), pairs))
    return [(float(old), float(new)) for old, new in zip(base, head, strict=True)]


KINDS = ("log-normal", "laplace", "two points")


def ratios(random: np.random.Generator, kind: str, pairs: int) -> Pairs:
    """Make pairs whose true ratio is 1.07."""
    if kind == "log-normal":
        spread = random.normal(0, 0.05, (pairs, 2))
    elif kind == "laplace":
        spread = random.laplace(0, 0.05, (pairs, 2))
    else:
        spread = 0.1 * random.integers(0, 2, (pairs, 2))
    return [(float(base), float(1.07 * head)) for base, head in np.exp(spread)]
