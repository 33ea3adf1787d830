"""Numbers as people read them. Pure."""

import math


def percent(ratio: float | None) -> str:
    """Write a relative change with its sign: 0.049 is `+4.9 %`. None is a dash."""
    if ratio is None or not math.isfinite(ratio):
        return "–"
    value = ratio * 100
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 1 else 2
    written = f"{value:+,.{digits}f}".replace("-", "−")
    return f"{written} %" if float(f"{value:.{digits}f}") else "±0 %"


def amount(value: float | None) -> str:
    """Write a number with four significant digits and grouped thousands: `12 345`, `0.01235`. None is a dash."""
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value)
    if size >= 1e15 or 0 < size < 1e-6:
        return f"{value:.3e}".replace("-", "−")
    digits = max(0, 3 - math.floor(math.log10(size))) if size else 0
    written = f"{value:,.{digits}f}"
    trimmed = written.rstrip("0").rstrip(".") if "." in written else written
    return trimmed.replace(",", "\u202f").replace("-", "−")
