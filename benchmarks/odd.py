"""Histories without any shift that no generator of steps makes: what real boards do besides. Pure and seeded."""

from collections.abc import Callable

import numpy as np

from benchmarks.injected import Floats, noise

Make = Callable[[np.random.Generator], Floats]
FAMILIES = ("normal", "student", "laplace")
SIZE = 300


def board(random: np.random.Generator, size: int = SIZE, correlations: tuple[float, ...] = (0.0, 0.2, 0.4)) -> Floats:
    """Make noise of 1 % on the scale of logarithms."""
    return 0.01 * noise(random, size, random.choice(correlations), random.choice(FAMILIES))


def drifting(total: float) -> Make:
    """Rise slowly, by so much in all."""
    return lambda random: 1000 * np.exp(board(random) + np.linspace(0, total, SIZE))


def two_modes(stay: int) -> Make:
    """Switch between two levels 5 % apart and stay for so many points on average."""

    def make(random: np.random.Generator) -> Floats:
        mode = np.cumsum(random.random(400) < 1 / stay) % 2
        return 1000 * np.exp(0.3 * board(random, 400) + 0.05 * mode)

    return make


def noisy_stretch(times: float) -> Make:
    """Have a third of the points so many times as noisy as the others."""

    def make(random: np.random.Generator) -> Floats:
        x = board(random)
        begin = int(random.integers(20, 180))
        x[begin : begin + 100] *= times
        return 1000 * np.exp(x)

    return make


def waves(random: np.random.Generator) -> Floats:
    """Let the size of the noise itself wander."""
    return 1000 * np.exp(board(random) * np.exp(0.8 * noise(random, SIZE, 0.9, "normal")))


def outliers(share: float) -> Make:
    """Be 10 % slower in a share of the points."""
    return lambda random: 1000 * np.exp(0.3 * board(random) + 0.1 * (random.random(SIZE) < share))


def whole(level: float) -> Make:
    """Round to whole numbers, and do not say so."""
    return lambda random: np.round(level * np.exp(board(random)))


def cauchy(random: np.random.Generator) -> Floats:
    """Have tails without a mean."""
    return 1000 * np.exp(np.clip(0.01 * random.standard_cauchy(SIZE), -5, 5))


def skewed(random: np.random.Generator) -> Floats:
    """Have a tail upwards only."""
    return 1000 * (1 + 0.01 * random.exponential(size=SIZE) ** 2)


def wandering(random: np.random.Generator) -> Floats:
    """Take a random walk of .3 % a commit below the noise: every place is news, and none is a step."""
    return 1000 * np.exp(board(random) + np.cumsum(0.003 * random.normal(size=SIZE)))


def correlated(random: np.random.Generator) -> Floats:
    """Be an AR(1) with .9, more than the detector takes for possible."""
    return 1000 * np.exp(board(random, correlations=(0.9,)))


ODD: dict[str, Make] = {
    "drift of 10 % in all": drifting(0.1),
    "drift of 30 % in all": drifting(0.3),
    "two modes, switched every 10 points": two_modes(10),
    "two modes, switched every 20 points": two_modes(20),
    "a third of it three times as noisy": noisy_stretch(3),
    "a third of it ten times as noisy": noisy_stretch(10),
    "noise in waves": waves,
    "one point in ten 10 % slower": outliers(0.1),
    "8.4 as a whole number, not said": whole(8.4),
    "Cauchy tails": cauchy,
    "a tail upwards": skewed,
    "random walk, .3 % a commit": wandering,
    "AR(1) with φ = .9": correlated,
}
