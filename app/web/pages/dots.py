"""The samples of both sides of a comparison as a plot as small as a word."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

WIDTH, HEIGHT, EDGE = 120, 26, 5
BASE_Y, HEAD_Y = 7, 19
MOST = 10  # dots of one side; of more samples every so manieth, by size


@dataclass(frozen=True, kw_only=True)
class Dots:
    """Paths of the dots of each side, and where their medians are."""

    base: str
    head: str
    base_x: int
    head_x: int


def dots(base: Sequence[float], head: Sequence[float]) -> Dots | None:
    """Lay the samples of both sides out on one scale; None if a side has none."""
    if not base or not head:
        return None
    lowest, highest = min(*base, *head), max(*base, *head)
    wide = (WIDTH - 2 * EDGE) / (highest - lowest) if highest > lowest else 0.0

    def x(value: float) -> int:
        return round(EDGE + (value - lowest) * wide) if wide else WIDTH // 2

    return Dots(
        base=_path([x(each) for each in _few(base)], BASE_Y),
        head=_path([x(each) for each in _few(head)], HEAD_Y),
        base_x=x(median(base)),
        head_x=x(median(head)),
    )


def _few(values: Sequence[float]) -> list[float]:
    """Choose samples that are evenly spread by rank, the least and the largest among them."""
    ordered = sorted(values)
    if len(ordered) <= MOST:
        return ordered
    return [ordered[round(number * (len(ordered) - 1) / (MOST - 1))] for number in range(MOST)]


def _path(places: Sequence[int], y: int) -> str:
    """Write dots as lines of no length; equal ones once."""
    return "".join(f"M{each} {y}h0" for each in dict.fromkeys(places))
