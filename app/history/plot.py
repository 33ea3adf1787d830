"""How long series become a few hundred drawn points, levels and bands. Pure arithmetic, no markup.

A series is an array aligned with the commits of the chart: NaN where a commit was not measured.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.history.arrays import Floats, Integers, np

Values = Floats

WIDTH, HEIGHT = 1000, 330  # of the viewBox
LEFT, RIGHT, TOP, BOTTOM = 66, 30, 16, 34
MOST_DRAWN = 600  # points of one line
COLUMNS = MOST_DRAWN // 3  # each gives its least, its median and its largest value
BAND_SIGMAS = 3.0  # around a level: 99.7 % of a normal series stays inside
NORMAL_CONSISTENCY = 1.4826  # makes the MAD of a normal sample estimate its sigma
TICKS = 4
SMALLEST = 1e-200  # a range below it is none: the arithmetic would leave the normal numbers
LABELS = 6  # most commits named below the chart


@dataclass(frozen=True, kw_only=True)
class Level:
    """A stretch without a change point: the median, and how far single points stray from it."""

    first: int  # commit positions, both included
    last: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Thinned:
    """A series as it is drawn: one column per point, or per run of neighbouring points."""

    at: Values  # positions among the commits
    low: Values
    middle: Values
    high: Values

    @property
    def is_whole(self) -> bool:
        """Tell whether every point is drawn by itself."""
        return bool((self.low == self.high).all())


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The part of the history that a chart shows, and where its values lie on paper."""

    first: int
    last: int
    floor: float
    ceiling: float
    ticks: tuple[float, ...]

    def x(self, position: float) -> int:
        """Place a commit; commits stand at equal distances."""
        share = (position - self.first) / (self.last - self.first) if self.last > self.first else 0.5
        return round(LEFT + (WIDTH - LEFT - RIGHT) * share)

    def y(self, value: float) -> int:
        """Place a value; what lies outside is put at the edge."""
        share = (value - self.floor) / (self.ceiling - self.floor)
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - min(max(share, 0.0), 1.0)))

    @property
    def named(self) -> list[int]:
        """Choose the commits that are named below the chart."""
        stride = max(1, math.ceil((self.last - self.first + 1) / LABELS))
        return list(range(self.first, self.last + 1, stride))


def frame(lines: Sequence[Values], first: int, last: int, *, also: Sequence[float] = ()) -> Frame:
    """Choose the axes for a window of some series; `also` are values that must be inside, such as a cap.

    Raises:
        ValueError: the window holds no point at all.
    """
    inside = np.concatenate([line[first : last + 1] for line in lines] or [np.empty(0)])
    inside = inside[~np.isnan(inside)]
    if not inside.size:
        raise ValueError("a chart needs at least one point")
    ticks = ticks_of(min(inside.min(), *also, inside.max()), max(inside.max(), *also, inside.min()))
    return Frame(first=first, last=last, floor=ticks[0], ceiling=ticks[-1], ticks=tuple(ticks))


def thinned(values: Values, first: int, last: int) -> Thinned:
    """Draw at most `MOST_DRAWN` points of a window; no extreme is lost."""
    at = np.flatnonzero(~np.isnan(values[first : last + 1])) + first
    inside = values[at]
    if at.size <= MOST_DRAWN:
        return Thinned(at=at.astype(float), low=inside, middle=inside, high=inside)
    each = math.ceil(at.size / COLUMNS)
    short = -at.size % each  # the last column is filled up with its last value
    places = np.pad(at, (0, short), mode="edge").reshape(-1, each)
    blocks = np.pad(inside, (0, short), mode="edge").reshape(-1, each)
    return Thinned(
        at=places.mean(axis=1), low=blocks.min(axis=1), middle=np.median(blocks, axis=1), high=blocks.max(axis=1)
    )


def levels(values: Values, cuts: Sequence[int], *, sigma: float | None = None) -> list[Level]:
    """Find the level of each stretch between change points, with a band of 3 sigma.

    Args:
        cuts: positions of the first commit of each new level.
        sigma: relative, of single points around a level, as the detector found it; without it the
            scaled MAD of each stretch is taken, which needs 3 points.
    Source:
        Rousseeuw and Croux, JASA 88 (1993), section 1: the scaled MAD.
    """
    at = np.flatnonzero(~np.isnan(values))
    found = []
    for positions in np.split(at, np.searchsorted(at, sorted(cuts))):
        if positions.size:
            found.append(_level(values[positions], positions, sigma))
    return found


def _level(inside: Values, positions: Integers, sigma: float | None) -> Level:
    middle = float(np.median(inside))
    if sigma is None:
        spread = NORMAL_CONSISTENCY * float(np.median(np.abs(inside - middle))) if inside.size >= 3 else 0.0
    else:
        spread = sigma * abs(middle)
    reach = BAND_SIGMAS * spread
    return Level(
        first=int(positions[0]), last=int(positions[-1]), value=middle, low=middle - reach, high=middle + reach
    )


def path(points: Sequence[tuple[int, int]], *, closed: bool = False) -> str:
    """Write whole numbers as an SVG path of steps, which compresses to two bytes a point."""
    if not points:
        return ""
    (x, y), parts = points[0], [f"M{points[0][0]} {points[0][1]}"]
    for to_x, to_y in points[1:]:
        up = to_y - y
        parts.append(f"l{to_x - x}{'' if up < 0 else ' '}{up}")
        x, y = to_x, to_y
    return "".join(parts) + ("z" if closed else "")


def drawn(frame_: Frame, line: Thinned) -> tuple[str, str]:
    """Draw a thinned series: the path of its middle, and of the area between its extremes if it has one."""
    places = [frame_.x(at) for at in line.at.tolist()]
    middle = path([(x, frame_.y(value)) for x, value in zip(places, line.middle.tolist(), strict=True)])
    if line.is_whole:
        return middle, ""
    upper = [(x, frame_.y(value)) for x, value in zip(places, line.high.tolist(), strict=True)]
    lower = [(x, frame_.y(value)) for x, value in zip(places, line.low.tolist(), strict=True)]
    return middle, path([*upper, *reversed(lower)], closed=True)


def ticks_of(lowest: float, highest: float) -> list[float]:
    """Choose round values that enclose the range; a flat series gets some room above and below."""
    lowest, highest = float(lowest), float(highest)
    if highest - lowest <= max(abs(highest) * 1e-9, SMALLEST):
        room = abs(highest) * 0.05 if abs(highest) > SMALLEST else 1.0
        lowest, highest = lowest - room, highest + room
    step = _round_step((highest - lowest) / TICKS)
    first, last = math.floor(lowest / step), math.ceil(highest / step)
    return [number * step for number in range(first, last + 1)]


def _round_step(rough: float) -> float:
    """Choose 1, 2 or 5 times a power of ten, at least as large as the rough step."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= rough * (1 - 1e-9))


@dataclass(frozen=True, kw_only=True)
class Spark:
    """A chart as small as a word: a line and its last point."""

    width: int
    height: int
    line: str
    x: int
    y: int


SPARK_WIDTH, SPARK_HEIGHT, SPARK_EDGE = 150, 34, 4


def spark(values: Sequence[float]) -> Spark:
    """Lay a few values out without axes.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("a chart needs at least one point")
    ticks = ticks_of(min(values), max(values))
    floor, ceiling = ticks[0], ticks[-1]
    inner, tall, last = SPARK_WIDTH - 2 * SPARK_EDGE, SPARK_HEIGHT - 2 * SPARK_EDGE, max(1, len(values) - 1)
    places = [
        (
            round(SPARK_EDGE + inner * (number / last if len(values) > 1 else 1.0)),
            round(SPARK_EDGE + tall * (1 - (value - floor) / (ceiling - floor))),
        )
        for number, value in enumerate(values)
    ]
    x, y = places[-1]
    return Spark(width=SPARK_WIDTH, height=SPARK_HEIGHT, line=path(places), x=x, y=y)
