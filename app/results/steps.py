"""The smallest step that the samples of a series show by themselves, where the tool does not name it. Pure.

Twenty samples that are all whole numbers, or all tenths, come from a display that shows no more. The steps that are
looked for are 1, .5, .1, .05, .01 … 1e-9: each is a multiple of all that follow, so what is known of the samples of
years is one number. Larger ones are not: a series that is always 60 does not move in steps of 60.
"""

from collections.abc import Sequence

ENOUGH = 20  # samples
STEPS = tuple(round(factor * 10.0**-power, 10) for power in range(10) for factor in (1.0, 0.5))[:-1]
TOLERANCE = 1e-6  # of a step: 0.1 + 0.2 is no tenth for a computer
MOST_STEPS = 1e9  # of a value; with more, the tolerance would be below what a double can tell
NONE = 0.0


def step_of(samples: Sequence[float], before: float | None = None) -> float:
    """Find the largest step that all samples are multiples of; NONE if there is none.

    Args:
        before: what was found of the earlier samples of the series; None if there are none.
    """
    if before == NONE:
        return NONE
    for step in STEPS:
        if (before is None or step <= before) and all(_fits(sample, step) for sample in samples):
            return step
    return NONE


def implied(step: float | None, samples: int) -> float | None:
    """Give the resolution that a step stands for once enough samples say so."""
    return step if step and samples >= ENOUGH else None


def _fits(sample: float, step: float) -> bool:
    steps = abs(sample) / step
    return steps < MOST_STEPS and abs(steps - round(steps)) <= TOLERANCE
