"""Read shifts, which pages and commands call alerts, and their change points. `shifting` writes them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import LateralFromClause

from app.db.models import Triage
from app.db.queries.shifting import OPEN
from app.db.tables import change_point, commit, mute, repository, series, shift

OVERDUE = timedelta(days=7)  # a new alert for the worse that nobody has looked at for so long
_AFTER, _UNTIL = commit.alias("after"), commit.alias("until")

is_muted = sa.exists(  # of a change point: somebody wants no alarm of its benchmark, or of its type of boards, now
    sa.select(mute.c.id)
    .where(mute.c.repository_id == series.c.repository_id, mute.c.until_at > sa.func.now())
    .where(mute.c.benchmark.is_(None) | (mute.c.benchmark == series.c.benchmark))
    .where(mute.c.metric.is_(None) | (mute.c.metric == series.c.metric))
    .where(mute.c.board_type.is_(None) | (mute.c.board_type == series.c.board_type))
    .correlate(series)
)
_is_overdue = sa.and_(
    shift.c.state == Triage.NEW, shift.c.is_worse, shift.c.opened_at < sa.func.now() - sa.literal(OVERDUE)
)


@dataclass(frozen=True, kw_only=True)
class ShiftView:
    """One shift as people and programs see it. Changes are relative, as measured: 0.05 is five percent more."""

    id: int
    repository_id: int
    forge: str
    repository: str  # full name
    branch: str
    after: str  # the newest commit that surely had the old level
    until: str  # the oldest that surely has the new one
    title: str  # of the commit `until`
    state: Triage
    is_worse: bool
    is_overdue: bool  # new, for the worse, and nobody has looked at it for a week
    is_muted: bool  # all its change points are
    said_by: str
    said_at: datetime | None
    reason: str
    link: str
    assignee: str
    agreed_change: float | None  # how much worse it was when it was judged
    opened_at: datetime
    closed_at: datetime | None
    change_points: int
    boards: list[str]  # types of boards
    benchmark: str  # of the largest change point; empty if none is left
    metric: str
    change: float | None  # of that one
    change_is_worse: bool | None
    series_id: int | None


@dataclass(frozen=True, kw_only=True)
class ChangePointView:
    """One change point with its series, and what became of its shift."""

    id: int
    shift_id: int
    state: Triage  # of the shift
    series_id: int
    branch: str
    board_type: str
    configuration: str
    benchmark: str
    params: dict[str, Any]
    version: str
    metric: str
    unit: str
    better: str | None
    after_commit: str  # the range: behind this commit …
    until_commit: str  # … and at the latest in this one
    before: float  # medians, in the series' unit
    after: float
    change: float
    low: float | None
    high: float | None
    is_worse: bool | None
    points_after: int
    found_at: datetime
    recovered_at: datetime | None
    gone_at: datetime | None
    is_muted: bool


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which shifts. None: any."""

    repository_id: int | None = None
    branch: str | None = None
    states: Collection[Triage] | None = OPEN
    is_worse: bool | None = None
    is_muted: bool | None = False
    is_overdue: bool | None = None
    benchmark: str | None = None
    board_type: str | None = None
    assignee: str | None = None


EVERY = Wanted(states=None, is_muted=None)


async def list_(db: AsyncConnection, wanted: Wanted, *, before: int | None = None, limit: int = 50) -> list[ShiftView]:
    """List shifts, the newest first."""
    chosen = _chosen(wanted)
    if before is not None:
        chosen.append(shift.c.id < before)
    # The page is cut first: only its own rows are summed up.
    few = sa.select(shift.c.id).where(*chosen).order_by(shift.c.id.desc()).limit(limit)
    rows = await db.execute(_views().where(shift.c.id.in_(few)).order_by(shift.c.id.desc()))
    return [_view(row) for row in rows.mappings()]


async def get(db: AsyncConnection, shift_id: int) -> ShiftView | None:
    """Read one shift."""
    row = (await db.execute(_views().where(shift.c.id == shift_id))).mappings().one_or_none()
    return None if row is None else _view(row)


async def change_points(
    db: AsyncConnection, shift_id: int, *, after: int = 0, limit: int = 50, gone: bool = False
) -> list[ChangePointView]:
    """List the change points of a shift, the largest change first; skips the first `after`."""
    asked = _change_points().where(change_point.c.shift_id == shift_id)
    if not gone:
        asked = asked.where(change_point.c.gone_at.is_(None))
    order = (sa.func.abs(change_point.c.change).desc(), change_point.c.id)
    rows = await db.execute(asked.order_by(*order).offset(after).limit(limit))
    return [ChangePointView(**row) for row in rows.mappings()]


async def of_series(db: AsyncConnection, series_ids: Sequence[int], *, limit: int = 1000) -> list[ChangePointView]:
    """List the change points of some series, those that are gone left out, in the order of their commits."""
    ids = sa.cast(list(series_ids), sa.ARRAY(sa.Integer))
    asked = _change_points().where(change_point.c.series_id == sa.any_(ids), change_point.c.gone_at.is_(None))
    made = sa.func.coalesce(_UNTIL.c.committed_at, _UNTIL.c.seen_at)
    rows = await db.execute(asked.order_by(change_point.c.series_id, made, _UNTIL.c.id).limit(limit))
    return [ChangePointView(**row) for row in rows.mappings()]


@dataclass(frozen=True, kw_only=True)
class OpenCount:
    """How many shifts of a repository wait for somebody."""

    new: int = 0
    acknowledged: int = 0
    overdue: int = 0
    worse: int = 0  # of both


async def open_counts(db: AsyncConnection, repository_ids: Sequence[int]) -> dict[int, OpenCount]:
    """Count the shifts that wait for somebody; a repository without any is left out."""
    ids = sa.cast(list(repository_ids), sa.ARRAY(sa.Integer))
    number = sa.func.count()
    asked = (
        sa.select(
            shift.c.repository_id,
            number.filter(shift.c.state == Triage.NEW).label("new"),
            number.filter(shift.c.state == Triage.ACKNOWLEDGED).label("acknowledged"),
            number.filter(_is_overdue).label("overdue"),
            number.filter(shift.c.is_worse).label("worse"),
        )
        .where(shift.c.repository_id == sa.any_(ids), *_chosen(Wanted()))
        .group_by(shift.c.repository_id)
    )
    rows = (await db.execute(asked)).mappings()
    return {row["repository_id"]: OpenCount(**{n: row[n] for n in OpenCount.__dataclass_fields__}) for row in rows}


def _chosen(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    for name in ("repository_id", "branch", "is_worse", "assignee"):
        value = getattr(wanted, name)
        if value is not None:
            found.append(shift.c[name] == value)
    if wanted.states is not None:
        found.append(shift.c.state.in_(wanted.states))
    if wanted.is_muted is not None:
        found.append(_all_muted() if wanted.is_muted else ~_all_muted())
    if wanted.is_overdue is not None:
        found.append(_is_overdue if wanted.is_overdue else ~_is_overdue)
    about = {name: getattr(wanted, name) for name in ("benchmark", "board_type") if getattr(wanted, name) is not None}
    if about:
        found.append(_has(*(series.c[name] == value for name, value in about.items())))
    return found


def _has(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Ask whether a shift has a change point that counts and of whose series something holds."""
    return sa.exists(
        sa.select(change_point.c.id)
        .join_from(change_point, series, series.c.id == change_point.c.series_id)
        .where(change_point.c.shift_id == shift.c.id, change_point.c.gone_at.is_(None), *conditions)
        .correlate(shift)
    )


def _all_muted() -> sa.ColumnElement[bool]:
    return sa.and_(_has(), ~_has(~is_muted))


def _views() -> sa.Select[Any]:
    counts, largest = _counts(), _largest()
    own = ["id", "repository_id", "branch", "state", "is_worse", "said_by", "said_at", "reason", "link", "assignee"]
    own += ["agreed_change", "opened_at", "closed_at"]
    return (
        sa.select(
            *(shift.c[name] for name in own),
            _is_overdue.label("is_overdue"),
            _all_muted().label("is_muted"),
            repository.c.forge,
            repository.c.full_name.label("repository"),
            _AFTER.c.sha.label("after"),
            _UNTIL.c.sha.label("until"),
            _UNTIL.c.title,
            *counts.c,
            *largest.c,
        )
        .join_from(shift, repository, repository.c.id == shift.c.repository_id)
        .join(_AFTER, _AFTER.c.id == shift.c.after_commit_id)
        .join(_UNTIL, _UNTIL.c.id == shift.c.until_commit_id)
        .join(counts, sa.true())
        .outerjoin(largest, sa.true())
    )


_OF_SHIFT = (change_point.c.shift_id == shift.c.id, change_point.c.gone_at.is_(None))


def _counts() -> LateralFromClause:
    boards = sa.func.array_agg(sa.distinct(series.c.board_type))
    found = sa.select(sa.func.count().label("change_points"), boards.label("boards"))
    found = found.join_from(change_point, series, series.c.id == change_point.c.series_id)
    return found.where(*_OF_SHIFT).lateral("counts")


def _largest() -> LateralFromClause:
    """Find the change point that stands for all: the largest for the worse; without one the largest of all."""
    size = sa.func.abs(change_point.c.change)
    worse_first = (change_point.c.is_worse.desc().nulls_last(), size.desc(), change_point.c.id)
    is_worse = change_point.c.is_worse.label("change_is_worse")
    found = (
        sa.select(series.c.benchmark, series.c.metric, change_point.c.change, is_worse, change_point.c.series_id)
        .join_from(change_point, series, series.c.id == change_point.c.series_id)
        .where(*_OF_SHIFT)
    )
    return found.order_by(*worse_first).limit(1).lateral("largest")


def _view(row: sa.RowMapping) -> ShiftView:
    return ShiftView(
        **{**row, "boards": row["boards"] or [], "benchmark": row["benchmark"] or "", "metric": row["metric"] or ""}
    )


def _change_points() -> sa.Select[Any]:
    own = ["id", "shift_id", "series_id", "before", "after", "change", "low", "high", "is_worse", "points_after"]
    own += ["found_at", "recovered_at", "gone_at"]
    place = ("branch", "board_type", "configuration", "benchmark", "params", "version", "metric", "unit", "better")
    return (
        sa.select(
            *(change_point.c[name] for name in own),
            *(series.c[name] for name in place),
            shift.c.state,
            _AFTER.c.sha.label("after_commit"),
            _UNTIL.c.sha.label("until_commit"),
            is_muted.label("is_muted"),
        )
        .join_from(change_point, series, series.c.id == change_point.c.series_id)
        .join(shift, shift.c.id == change_point.c.shift_id)
        .join(_AFTER, _AFTER.c.id == change_point.c.after_commit_id)
        .join(_UNTIL, _UNTIL.c.id == change_point.c.until_commit_id)
    )
