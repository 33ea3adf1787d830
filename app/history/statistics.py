"""Robust statistics of one series. Pure."""

from collections.abc import Sequence
from statistics import median

NORMAL_CONSISTENCY = 1.4826  # makes the MAD of a normal sample estimate its sigma

__all__ = ["change", "median", "noise"]


def noise(samples: Sequence[float]) -> float:
    """Estimate the spread of repeated measurements, robust to outliers.

    Args:
        samples: measurements of one series, all in the series' unit.
    Returns:
        The estimated sigma, in the same unit. 0.0 if most samples are equal.
    Raises:
        ValueError: fewer than 3 samples; that is too few to speak of noise.
    Source:
        Rousseeuw and Croux, JASA 88 (1993), section 1: the scaled MAD.
    """
    if len(samples) < 3:
        raise ValueError(f"need at least 3 samples, got {len(samples)}")
    centre = median(samples)
    return NORMAL_CONSISTENCY * median(abs(sample - centre) for sample in samples)


def change(before: float, now: float) -> float | None:
    """Compare two values: 0.1 is ten percent more. None if there is nothing to divide by."""
    return (now - before) / abs(before) if before else None
