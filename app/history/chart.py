"""Where the parts of a chart lie, in the units of an SVG's viewBox. Pure geometry, no markup."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.history.series import Point

WIDTH, HEIGHT = 720.0, 270.0
SPARK_WIDTH, SPARK_HEIGHT, SPARK_EDGE = 150.0, 34.0, 4.0
LEFT, RIGHT, TOP, BOTTOM = 72.0, 16.0, 14.0, 36.0
TICKS = 4
SMALLEST = 1e-200  # a range below it is none: the arithmetic would leave the normal numbers
LABELS = 5  # most commits named below the chart


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A line of the grid and the value it stands for, or a commit named below the chart."""

    at: float
    value: float
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Dot:
    """One point: its place, and the range of its samples as a whisker from high to low."""

    x: float
    y: float
    high: float
    low: float
    point: Point


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Everything the template draws."""

    width: float
    height: float
    left: float
    right: float
    bottom: float
    line: str  # points of a polyline
    band: str  # points of a polygon around the samples
    dots: tuple[Dot, ...]
    rows: tuple[Tick, ...]
    columns: tuple[Tick, ...]
    cap: float | None = None  # where the value that cannot be passed lies


def draw(points: Sequence[Point], *, cap: float | None = None, width: float = WIDTH, height: float = HEIGHT) -> Chart:
    """Lay a series out, the oldest commit left; commits stand at equal distances.

    Raises:
        ValueError: there are no points.
    """
    if not points:
        raise ValueError("a chart needs at least one point")
    lowest, highest = min(each.low for each in points), max(each.high for each in points)
    ticks = _ticks(lowest, highest)
    floor, ceiling = min(lowest, ticks[0]), max(highest, ticks[-1])
    inner, tall = width - LEFT - RIGHT, height - TOP - BOTTOM

    def x(number: int) -> float:
        return round(LEFT + inner * (number / (len(points) - 1) if len(points) > 1 else 0.5), 1)

    def y(value: float) -> float:
        return round(TOP + tall * (1 - (value - floor) / (ceiling - floor)), 1)

    dots = tuple(
        Dot(x=x(number), y=y(each.value), high=y(each.high), low=y(each.low), point=each)
        for number, each in enumerate(points)
    )
    return Chart(
        width=width,
        height=height,
        left=LEFT,
        right=width - RIGHT,
        bottom=height - BOTTOM,
        line=" ".join(f"{dot.x},{dot.y}" for dot in dots),
        band=" ".join([*(f"{dot.x},{dot.high}" for dot in dots), *(f"{dot.x},{dot.low}" for dot in reversed(dots))]),
        dots=dots,
        rows=tuple(Tick(at=y(value), value=value) for value in ticks),
        columns=_columns(dots),
        cap=y(cap) if cap is not None and floor <= cap <= ceiling else None,
    )


@dataclass(frozen=True, kw_only=True)
class Spark:
    """A chart as small as a word: a line and its last point."""

    width: float
    height: float
    line: str
    x: float
    y: float


def spark(points: Sequence[Point], *, width: float = SPARK_WIDTH, height: float = SPARK_HEIGHT) -> Spark:
    """Lay a series out without axes.

    Raises:
        ValueError: there are no points.
    """
    if not points:
        raise ValueError("a chart needs at least one point")
    values = [each.value for each in points]
    ticks = _ticks(min(values), max(values))
    floor, ceiling = min(values[0], *values, ticks[0]), max(values[0], *values, ticks[-1])
    inner, tall, last = width - 2 * SPARK_EDGE, height - 2 * SPARK_EDGE, max(1, len(points) - 1)
    places = [
        (
            round(SPARK_EDGE + inner * (number / last if len(points) > 1 else 1.0), 1),
            round(SPARK_EDGE + tall * (1 - (value - floor) / (ceiling - floor)), 1),
        )
        for number, value in enumerate(values)
    ]
    x, y = places[-1]
    return Spark(width=width, height=height, line=" ".join(f"{at},{up}" for at, up in places), x=x, y=y)


def _columns(dots: Sequence[Dot]) -> tuple[Tick, ...]:
    stride = max(1, math.ceil(len(dots) / LABELS))
    return tuple(Tick(at=dot.x, value=0, label=dot.point.sha[:7]) for dot in dots[::stride])


def _ticks(lowest: float, highest: float) -> list[float]:
    """Choose round values that enclose the range; a flat series gets some room above and below."""
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
