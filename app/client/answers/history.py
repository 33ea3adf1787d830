"""What was measured, commit by commit. Values are in the unit of their series, changes relative: 0.05 is 5 % more."""

from typing import Any, TypedDict

from app.client.answers.words import Triage


class SeriesRow(TypedDict):
    """What one series is of."""

    id: int
    forge: str
    repository: str
    branch: str  # pull/N for a pull request
    board_type: str
    configuration: str
    benchmark: str
    params: dict[str, Any]
    version: str
    metric: str
    unit: str  # empty for a bare number
    better: str | None  # lower, higher; None: not known


class Move(TypedDict):
    """A level that begins at a commit."""

    before: float
    after: float
    change: float
    low: float | None
    high: float | None
    is_worse: bool | None
    state: str  # of the shift it belongs to
    alert: int  # that shift's id


class PointRow(TypedDict):
    """One commit of a series."""

    commit: str
    title: str
    committed_at: str
    job_id: int | None  # None: it was imported
    value: float  # median of the samples
    low: float
    high: float
    samples: int
    change: float | None  # to the point before
    move: Move | None
    raw: list[float] | None  # in the order they were taken, if asked for


class Points(TypedDict):
    """A series with points in commit order."""

    series: SeriesRow
    items: list[PointRow]
    next: int | None  # cursor of the older commits


class ShiftTold(TypedDict):
    """A place where a history moved: change points whose commit ranges overlap."""

    id: int
    forge: str
    repository: str
    branch: str
    after: str  # the newest commit that surely had the old level
    until: str  # the oldest commit that surely has the new one
    title: str
    state: Triage
    is_worse: bool
    is_overdue: bool
    is_muted: bool
    said_by: str
    said_at: str | None
    reason: str
    link: str
    assignee: str
    agreed_change: float | None  # how much worse it was when it was judged
    opened_at: str
    closed_at: str | None
    change_points: int
    boards: list[str]
    benchmark: str  # this, metric and change: of the largest change point
    metric: str
    change: float | None
    series_id: int | None
    url: str


class ImportTold(TypedDict):
    """What became of a file of results."""

    id: int
    format: str
    note: str
    measurements: int
    is_new: bool  # False: the same file was brought for the same commit and place before
