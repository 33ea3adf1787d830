"""What the page of one benchmark and metric shows, its JSON and its CSV alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.history import plot
from app.history.amounts import amount
from app.history.arrays import np
from app.results.curves import Cell, Curve, History
from app.web.pages.exports import Sheet

FEWEST = 3  # points of a chart: under it a sentence says more


@dataclass(frozen=True, kw_only=True)
class SeriesHead:
    """One series of the page."""

    id: int
    letter: str  # beside its line and on its column
    branch: str
    board_type: str
    configuration: str
    params: dict[str, Any]
    version: str
    better: str | None
    points: int
    hidden: bool
    latest: float | None
    level: float | None  # median since the last change point
    noise: float | None  # relative, of single points around the level


@dataclass(frozen=True, kw_only=True)
class CommitRow:
    """One row of the table; a cell per series, None where it was not measured."""

    sha: str
    title: str
    made_at: datetime
    cells: list[Cell | None]
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class MoveRow:
    """A change point of one of the series."""

    series: int
    letter: str
    sha: str
    title: str
    made_at: datetime
    alert: int
    before: float
    after: float
    change: float
    low: float | None
    high: float | None
    is_worse: bool | None
    state: str


@dataclass(frozen=True, kw_only=True)
class RemarkRow:
    """A remark at a commit."""

    sha: str
    position: int
    kind: str
    text: str
    said_by: str
    cuts: bool


@dataclass(frozen=True, kw_only=True)
class BenchmarkPage:
    """`/{forge}/{owner…}/{name}/history?benchmark=…&metric=…`."""

    forge: str
    full_name: str
    clone_url: str
    default_branch: str
    benchmark: str
    metric: str
    unit: str
    filters: dict[str, list[str]]
    choices: dict[str, list[str]]
    matching: int  # series, of which at most ten are shown
    commits: int  # on the axis
    more_commits: bool
    first: int  # positions of the window, both included
    last: int
    sort: str
    series: list[SeriesHead]
    items: list[CommitRow]
    after: int  # rows before these
    next: int | None
    moves: list[MoveRow]
    remarks: list[RemarkRow]

    @property
    def is_zoomed(self) -> bool:
        """Tell whether the window is a part of what there is."""
        return self.first > 0 or self.last < self.commits - 1

    @property
    def is_drawn(self) -> bool:
        """Tell whether there is enough for a chart."""
        return any(each.points >= FEWEST and not each.hidden for each in self.series)


def letter(number: int) -> str:
    """Name a series by its place."""
    return chr(ord("A") + number)


def head(curve: Curve, number: int, hidden: set[int]) -> SeriesHead:
    """Say what one series is of, and how it stands."""
    names = ("branch", "board_type", "configuration", "params", "version", "better")
    measured = curve.values[~np.isnan(curve.values)]
    last = curve.levels[-1] if curve.levels else None
    noise = curve.row["sigma"]
    if noise is None and last is not None and last.value:
        noise = (last.high - last.value) / plot.BAND_SIGMAS / abs(last.value)
    return SeriesHead(
        id=curve.id,
        letter=letter(number),
        **{name: curve.row[name] for name in names},
        points=int(measured.size),
        hidden=curve.id in hidden,
        latest=float(measured[-1]) if measured.size else None,
        level=last.value if last else None,
        noise=noise,
    )


def rows(
    history: History, shown: Sequence[int], cells: Mapping[int, Mapping[int, Cell]], remarks: Sequence[Any]
) -> list[CommitRow]:
    """Make the rows of some commits, with what was remarked at each."""
    said: dict[int, list[str]] = {}
    for each in remarks:
        if each["commit_id"] in history.position:
            said.setdefault(history.position[each["commit_id"]], []).append(each["text"])
    return [
        CommitRow(
            sha=history.commits[each].sha,
            title=history.commits[each].title,
            made_at=history.commits[each].made_at,
            cells=[cells[each].get(curve.id) for curve in history.curves],
            remarks=said.get(each, []),
        )
        for each in shown
    ]


def moves(history: History) -> list[MoveRow]:
    """List the change points of all series, the newest first."""
    names = ("alert", "before", "after", "change", "low", "high", "is_worse", "state")
    found = [
        (move.position, number, curve, move) for number, curve in enumerate(history.curves) for move in curve.moves
    ]
    found.sort(key=lambda each: (-each[0], each[1]))
    return [
        MoveRow(
            series=curve.id,
            letter=letter(number),
            sha=history.commits[position].sha,
            title=history.commits[position].title,
            made_at=history.commits[position].made_at,
            **{name: getattr(move, name) for name in names},
        )
        for position, number, curve, move in found
    ]


def concerning(history: History, remarks: Sequence[Any]) -> list[RemarkRow]:
    """List the remarks that concern one of the series, the newest first."""
    places = {(each.row["board_type"], each.row["configuration"]) for each in history.curves}
    found = [
        RemarkRow(
            sha=history.commits[history.position[each["commit_id"]]].sha,
            position=history.position[each["commit_id"]],
            **{name: each[name] for name in ("kind", "text", "said_by", "cuts")},
        )
        for each in remarks
        if each["commit_id"] in history.position and any(_concerns(each, *place) for place in places)
    ]
    return sorted(found, key=lambda each: -each.position)


def _concerns(remark: Any, board_type: str, configuration: str) -> bool:
    wanted = (remark["board_type"] or board_type, remark["configuration"] or configuration)
    return wanted == (board_type, configuration)


def texts(view: BenchmarkPage) -> list[list[tuple[str, str]]]:
    """Write each cell's value, and how far its samples reach: at once, as a template is slow at a thousand cells."""
    return [[_text(cell) if cell is not None else ("", "") for cell in row.cells] for row in view.items]


def _text(cell: Cell) -> tuple[str, str]:
    reach = f"{amount(cell.low)}…{amount(cell.high)}, {cell.count}×" if cell.count > 1 else ""
    return amount(cell.value), reach


def sheet(view: BenchmarkPage) -> Sheet:
    """Give the table as a sheet: a line per measured cell."""
    fields = ("commit", "title", "committed_at", "branch", "board_type", "configuration", "benchmark", "metric", "unit",
              "value", "samples", "change", "job")  # fmt: skip
    lines = [
        (row.sha, row.title, row.made_at, head.branch, head.board_type, head.configuration, view.benchmark, view.metric,
         view.unit, cell.value, " ".join(map(repr, cell.samples)), cell.change, cell.job_id)
        for row in view.items
        for head, cell in zip(view.series, row.cells, strict=True)
        if cell is not None
    ]  # fmt: skip
    return Sheet(fields=fields, lines=lines)
