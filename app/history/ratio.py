"""The scale on which head is held against base: logarithms of ratios, or parts of the baseline. Pure."""

import math
from dataclasses import dataclass

from app.history.arrays import Floats, np
from app.history.robust import median
from app.history.verdict import Better

LARGEST = 700.0  # the exponential of more leaves the numbers
SAME = 1e-12  # places on the scale that differ by less are equal, torn apart by rounding


@dataclass(frozen=True)
class Ratio:
    """Turns values into places where + is worse, and steps between them back into relative changes.

    Logarithms while every value is positive: then a change and its reverse are mirror images. Else parts of the
    baseline's median, or of the mean size of all values if that is zero.
    """

    baseline: float  # median of the base, in the unit of the metric
    sign: int  # 1 if more is worse
    unit: float | None  # one of the scale in the unit of the metric; None for logarithms

    @classmethod
    def of(cls, base: Floats, head: Floats, better: Better | None) -> "Ratio":
        """Choose the scale for two sides, neither of them empty."""
        middle, sign = median(base), -1 if better is Better.HIGHER else 1
        if min(base.min(), head.min()) > 0:
            return cls(middle, sign, None)
        sizes = np.abs(np.concatenate((base, head)))
        return cls(middle, sign, abs(middle) or float((sizes / len(sizes)).sum()) or 1.0)

    def places(self, values: Floats) -> Floats:
        """Put values on the scale."""
        if self.unit is None:
            return self.sign * np.log(values)
        with np.errstate(over="ignore"):
            return self.sign * np.clip(values / self.unit, -math.exp(LARGEST), math.exp(LARGEST))

    def differences(self, base: Floats, head: Floats) -> Floats:
        """Give each pair's step from base to head; steps of one size are exactly equal."""
        return snapped(self.places(head) - self.places(base))

    def change(self, step: float) -> float | None:
        """Turn a step into the relative change as measured, where + is more; None from zero."""
        if self.unit is None:
            return math.expm1(min(self.sign * step, LARGEST)) + 0.0  # no zero with a sign
        return self.sign * step * (self.unit / abs(self.baseline)) + 0.0 if self.baseline else None

    def size(self, relative: float) -> float:
        """Put the size of a relative change on the scale."""
        return math.log1p(relative) if self.unit is None else relative

    def relative(self, resolution: float) -> float:
        """Say what part of the baseline the tool's smallest step is; 0.0 if unknown."""
        if not (resolution > 0 and math.isfinite(resolution)):
            return 0.0
        return min(resolution / (abs(self.baseline) or self.unit or resolution), math.exp(LARGEST))


def snapped(differences: Floats) -> Floats:
    """Make sizes equal that rounding tore apart, so that ties are ties and opposite steps cancel exactly."""
    sizes = np.abs(differences)
    order = np.argsort(sizes, kind="stable")
    ordered = sizes[order]
    begins = np.concatenate(([ordered[0] > SAME], np.diff(ordered) > SAME)) if len(ordered) else np.zeros(0, bool)
    first = np.maximum.accumulate(np.where(begins, np.arange(len(ordered)), -1))
    made = np.empty_like(sizes)
    made[order] = np.where(first >= 0, ordered[first], 0.0)
    return np.copysign(made, differences) * (made > 0)
