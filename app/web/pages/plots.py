"""What is drawn of a benchmark page: the paths of its SVG, and the same points for the script that takes over."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from app.history import plot
from app.history.amounts import amount, percent
from app.history.plot import Frame
from app.results.curves import Curve, History
from app.web.pages import windows
from app.web.pages.benchmark_view import BenchmarkPage

DIGITS = 5  # significant, of a value in the points of the script; tables and exports have all
MOST_POINTS = 200  # of one series, that are drawn with a dot each
MOST_DOTS = 1500  # samples that are drawn one by one


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A change point or a remark on the chart."""

    x: int
    y: int
    tone: str  # worse, better, moved, or the kind of a remark
    text: str
    href: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """One series on the chart."""

    number: int  # its colour and dashes
    letter: str
    middle: str  # path
    spread: str  # path around the values of a column, where there are several
    bands: tuple[tuple[int, int, int, int], ...]  # x, y, width, height of where single points are expected
    levels: tuple[tuple[int, int, int], ...]  # x from, x to, y
    points: str  # path of dots, where each commit has room for one
    samples: str  # path of smaller dots
    end: tuple[int, int]  # where its letter stands


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Everything the template draws."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    rows: tuple[tuple[int, float], ...]  # y, value
    columns: tuple[tuple[int, str], ...]  # x, commit
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...]
    cap: tuple[int, float] | None
    data: dict[str, Any]  # for the script


def drawing(history: History, view: BenchmarkPage) -> Drawing | None:
    """Draw the window of a view; None if no series that is shown has a point in it."""
    shown = [(number, each) for number, each in enumerate(history.curves) if not view.series[number].hidden]
    caps = sorted({cell.cap for row in view.items for cell in row.cells if cell is not None and cell.cap is not None})
    try:
        frame = plot.frame([each.values for _, each in shown], view.first, view.last, also=caps)
    except ValueError:
        return None
    samples = _samples(history, view)
    lines = tuple(_line(frame, number, each, view, samples.get(number, {})) for number, each in shown)
    return Drawing(
        width=plot.WIDTH,
        height=plot.HEIGHT,
        left=plot.LEFT,
        right=plot.WIDTH - plot.RIGHT,
        top=plot.TOP,
        bottom=plot.HEIGHT - plot.BOTTOM,
        rows=tuple((frame.y(value), value) for value in frame.ticks),
        columns=tuple((frame.x(each), _named(history, each)) for each in frame.named),
        lines=_apart(lines),
        marks=tuple([*_moves(frame, shown, view), *_remarks(frame, view)]),
        cap=(frame.y(caps[0]), caps[0]) if caps else None,
        data=_data(history, view, caps, samples),
    )


def _line(frame: Frame, number: int, curve: Curve, view: BenchmarkPage, samples: dict[int, list[float]]) -> Line:
    thin = plot.thinned(curve.values, view.first, view.last)
    middle, spread = plot.drawn(frame, thin)
    inside = [each for each in curve.levels if each.last >= frame.first and each.first <= frame.last]
    spans = [(frame.x(max(each.first, frame.first)), frame.x(min(each.last, frame.last)), each) for each in inside]
    measured = [each for each in curve.values[view.first : view.last + 1].tolist() if not math.isnan(each)]
    return Line(
        number=number,
        letter=view.series[number].letter,
        middle=middle,
        spread=spread,
        bands=tuple((x, frame.y(each.high), end - x, frame.y(each.low) - frame.y(each.high)) for x, end, each in spans),
        levels=tuple((x, end, frame.y(each.value)) for x, end, each in spans),
        points=_dots(frame, thin.at.tolist(), thin.middle.tolist()) if thin.at.size <= MOST_POINTS else "",
        samples="".join(_dots(frame, [at] * len(values), values) for at, values in samples.items()),
        end=(plot.WIDTH - plot.RIGHT + 8, frame.y(measured[-1]) if measured else -20),
    )


def _named(history: History, position: int) -> str:
    return f"{history.commits[position].sha[:7]} {history.commits[position].made_at:%-d %b}"


def _dots(frame: Frame, at: Sequence[float], values: Sequence[float]) -> str:
    """Write dots as lines of no length, which round caps make visible: a tenth of the markup of circles."""
    return "".join(f"M{frame.x(x)} {frame.y(y)}h0" for x, y in zip(at, values, strict=True))


def _apart(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Move letters that would stand on one another."""
    found: dict[int, Line] = {}
    lowest = -20
    for line in sorted(lines, key=lambda each: each.end[1]):
        lowest = max(line.end[1], lowest + 14) if line.end[1] >= 0 else line.end[1]
        found[line.number] = Line(**{**vars(line), "end": (line.end[0], lowest)})
    return tuple(found[line.number] for line in lines)


def _samples(history: History, view: BenchmarkPage) -> dict[int, dict[int, list[float]]]:
    """Give series → position → samples, if the window is small enough to show them one by one."""
    count = sum(len(cell.samples) for row in view.items for cell in row.cells if cell is not None)
    if view.last - view.first + 1 > len(view.items) or count > MOST_DOTS:
        return {}
    place = {each.sha: number for number, each in enumerate(history.commits)}
    found: dict[int, dict[int, list[float]]] = {}
    for row in view.items:
        for number, cell in enumerate(row.cells):
            if cell is not None and len(cell.samples) > 1:
                found.setdefault(number, {})[place[row.sha]] = cell.samples
    return found


def tone(is_worse: bool | None) -> str:
    """Name what a shift means to the reader."""
    return {True: "worse", False: "better", None: "moved"}[is_worse]


def told(move: Any, metric: str, unit: str) -> str:
    """Say a change point in words: `fps fell 61 → 58 frames/s (−4.9 %)`."""
    way = "rose" if move.after > move.before else "fell"
    values = f"{amount(move.before)} → {amount(move.after)}{' ' if unit else ''}{unit}"
    return f"{metric} {way} {values} ({percent(move.change)})"


def _moves(frame: Frame, shown: Sequence[tuple[int, Curve]], view: BenchmarkPage) -> list[Mark]:
    return [
        Mark(
            x=frame.x(move.position),
            y=frame.y(move.after),
            tone=tone(move.is_worse),
            text=f"{view.series[number].letter} {tone(move.is_worse)}: {told(move, view.metric, view.unit)}",
            href=f"#shift-{move.alert}-{curve.id}",
        )
        for number, curve in shown
        for move in curve.moves
        if frame.first <= move.position <= frame.last
    ]


def _remarks(frame: Frame, view: BenchmarkPage) -> list[Mark]:
    return [
        Mark(x=frame.x(each.position), y=plot.TOP, tone=each.kind, text=each.text, href=f"#remark-{number}")
        for number, each in enumerate(view.remarks)
        if frame.first <= each.position <= frame.last
    ]


def _data(
    history: History, view: BenchmarkPage, caps: Sequence[float], samples: dict[int, dict[int, list[float]]]
) -> dict[str, Any]:
    """Write the points as columns: a text per series, five digits a value, nothing where nothing was measured."""
    days = [int(each.made_at.timestamp() // 86400) for each in history.commits]
    steps = [days[0] if days else 0, *(now - before for before, now in pairwise(days))]
    return {
        "sha": "".join(each.sha[:windows.SHA] for each in history.commits),
        "days": ",".join(map(str, steps)),
        "first": view.first,
        "last": view.last,
        "unit": view.unit,
        "cap": caps[0] if caps else None,
        "series": [
            {
                "id": curve.id,
                "letter": view.series[number].letter,
                "values": ",".join(_digits(each) for each in curve.values.tolist()),
                "levels": [[each.first, each.last, each.value, each.low, each.high] for each in curve.levels],
                "samples": samples.get(number, {}),
            }
            for number, curve in enumerate(history.curves)
        ],
        "marks": [
            {"at": move.position, "series": number, "tone": tone(move.is_worse), "value": move.after,
             "text": f"{tone(move.is_worse)}: {told(move, view.metric, view.unit)}"}
            for number, curve in enumerate(history.curves)
            for move in curve.moves
        ],
        "remarks": [{"at": each.position, "text": each.text} for each in view.remarks],
    }  # fmt: skip


def _digits(value: float) -> str:
    return f"{value:.{DIGITS}g}" if not math.isnan(value) else ""
