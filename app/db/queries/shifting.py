"""Write change points and shifts: what the detector found, what becomes of a shift by it, and what people say.

The detector's writes to one repository follow one another (`lock`); a person's word locks the shift alone.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import Triage
from app.db.queries import audit
from app.db.queries.analysing import made
from app.db.queries.outbox import seconds
from app.db.tables import change_point, commit, series, shift
from app.history.detector import FLOOR
from app.history.shifts import Facts, Range, Turn, joined

LOCK = 0x7269_6710  # advisory, with the repository's id
SETTLE_S = 10.0  # a shift is told when nothing more joined it for so long
BY_ITSELF = "rigline"  # who says what the numbers say
OPEN = frozenset({Triage.NEW, Triage.ACKNOWLEDGED})  # somebody has to do something
WORSE = sa.case(  # by how much a change point is for the worse, relative; null without a direction
    (series.c.better == "lower", change_point.c.change), (series.c.better == "higher", -change_point.c.change)
)
TOLERANCE = sa.func.greatest(FLOOR, sa.func.coalesce((change_point.c.high - change_point.c.low) / 2, 0.0))
_AFTER, _UNTIL = commit.alias("after"), commit.alias("until")


async def lock(db: AsyncConnection, repository_id: int) -> None:
    """Let nobody else write what the detector found in this repository until the transaction ends."""
    await db.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK, repository_id)))


async def known(db: AsyncConnection, series_ids: Sequence[int]) -> list[sa.RowMapping]:
    """Read the change points of some series, also those that are gone; `made_at` is that of the commit `until`."""
    ids = sa.cast(list(series_ids), sa.ARRAY(sa.Integer))
    wanted = (
        sa.select(change_point, made(_UNTIL).label("made_at"))
        .join_from(change_point, _UNTIL, _UNTIL.c.id == change_point.c.until_commit_id)
        .where(change_point.c.series_id == sa.any_(ids))
        .order_by(change_point.c.id)
    )
    return list((await db.execute(wanted)).mappings())


async def add(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store new change points; `recovered` says whether a later level is the old one again."""
    back = sa.case((sa.bindparam("recovered", type_=sa.Boolean), sa.func.now()), else_=None)
    if rows:
        columns: dict[str, Any] = {name: sa.bindparam(name) for name in rows[0] if name != "recovered"}
        await db.execute(sa.insert(change_point).values(recovered_at=back, **columns), list(rows))


async def renew(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store what known change points are now: `row` is the id; what had recovered stays so from when it did."""
    names = ["after_commit_id", "until_commit_id", "before", "after", "change", "low", "high"]
    names += ["is_worse", "points_after"]
    since = sa.func.coalesce(change_point.c.recovered_at, sa.func.now())
    change = (
        sa.update(change_point)
        .where(change_point.c.id == sa.bindparam("row"))
        .values(
            gone_at=None,
            recovered_at=sa.case((sa.bindparam("recovered", type_=sa.Boolean), since), else_=None),
            **{name: sa.bindparam(f"new_{name}", type_=change_point.c[name].type) for name in names},
        )
    )
    if rows:
        told = [{"row": e["row"], "recovered": e["recovered"], **{f"new_{n}": e[n] for n in names}} for e in rows]
        await db.execute(change, told)


async def let_go(db: AsyncConnection, ids: Collection[int]) -> None:
    """Note that later points spoke against some change points."""
    if ids:
        change = sa.update(change_point).where(change_point.c.id.in_(ids)).values(gone_at=sa.func.now())
        await db.execute(change)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A shift that a change point may belong to."""

    id: int
    is_open: bool
    range: Range


async def candidates(db: AsyncConnection, repository_id: int, branch: str, within: Range) -> list[Candidate]:
    """List the shifts whose commit ranges overlap with another one, the newest first and the open ones before."""
    since, until = (made(_AFTER), _AFTER.c.id), (made(_UNTIL), _UNTIL.c.id)
    is_open = shift.c.state.in_(OPEN)
    wanted = (
        sa.select(shift.c.id, is_open.label("is_open"), made(_AFTER).label("since"), made(_UNTIL).label("to"))
        .add_columns(shift.c.after_commit_id, shift.c.until_commit_id)
        .join_from(shift, _AFTER, _AFTER.c.id == shift.c.after_commit_id)
        .join(_UNTIL, _UNTIL.c.id == shift.c.until_commit_id)
        .where(shift.c.repository_id == repository_id, shift.c.branch == branch)
        .where(sa.tuple_(*since) < within.until, sa.tuple_(*until) > within.after)
        .order_by(is_open.desc(), shift.c.id.desc())
    )
    return [
        Candidate(
            id=row.id,
            is_open=row.is_open,
            range=Range(after=(row.since, row.after_commit_id), until=(row.to, row.until_commit_id)),
        )
        for row in await db.execute(wanted)
    ]


async def open_(db: AsyncConnection, repository_id: int, branch: str, found: Range, *, is_worse: bool) -> int:
    """Open a shift, whose change points follow."""
    new = sa.insert(shift).values(
        repository_id=repository_id,
        branch=branch,
        after_commit_id=found.after[1],
        until_commit_id=found.until[1],
        is_worse=is_worse,
        tell_at=sa.func.now() + seconds(SETTLE_S),
    )
    return int((await db.execute(new.returning(shift.c.id))).scalar_one())


async def settle(db: AsyncConnection, shift_ids: Collection[int]) -> None:
    """Let shifts that wait to be told wait a little more: something joined them."""
    waiting = sa.update(shift).where(shift.c.id.in_(shift_ids), shift.c.told_version < shift.c.version)
    await db.execute(waiting.values(tell_at=sa.func.now() + seconds(SETTLE_S)))


async def hush(db: AsyncConnection, shift_ids: Collection[int]) -> None:
    """Let nobody be told of what became of some shifts so far."""
    await db.execute(sa.update(shift).where(shift.c.id.in_(shift_ids)).values(told_version=shift.c.version))


async def locked(db: AsyncConnection, shift_ids: Collection[int]) -> list[sa.RowMapping]:
    """Read some shifts and keep others from them."""
    wanted = sa.select(shift).where(shift.c.id.in_(shift_ids)).order_by(shift.c.id).with_for_update()
    return list((await db.execute(wanted)).mappings())


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the numbers say of one shift now."""

    facts: Facts
    range: Range | None  # None: no change point is left


async def judge(db: AsyncConnection, shift_ids: Collection[int]) -> dict[int, Judged]:
    """Sum up the change points of some shifts."""
    worse = change_point.c.is_worse.is_(True)
    back = change_point.c.recovered_at.is_not(None)
    columns = [
        change_point.c.shift_id,
        change_point.c.after_commit_id,
        change_point.c.until_commit_id,
        made(_AFTER).label("since"),
        made(_UNTIL).label("to"),
        sa.func.count().label("number"),
        sa.func.count().filter(worse).label("worse"),
        sa.func.count().filter(back).label("back"),
        sa.func.count().filter(worse, back).label("worse_back"),
        sa.func.max(WORSE).label("worst"),
        sa.func.max(WORSE - TOLERANCE).label("surely"),
    ]
    wanted = (
        sa.select(*columns)
        .join_from(change_point, series, series.c.id == change_point.c.series_id)
        .join(_AFTER, _AFTER.c.id == change_point.c.after_commit_id)
        .join(_UNTIL, _UNTIL.c.id == change_point.c.until_commit_id)
        .where(change_point.c.shift_id.in_(shift_ids), change_point.c.gone_at.is_(None))
        .group_by(*columns[:5], _AFTER.c.id, _UNTIL.c.id)
    )
    found: dict[int, list[sa.Row[Any]]] = {shift_id: [] for shift_id in shift_ids}
    for row in await db.execute(wanted):
        found[row.shift_id].append(row)
    return {shift_id: _judged(rows) for shift_id, rows in found.items()}


def _judged(rows: list[sa.Row[Any]]) -> Judged:
    number, worse = sum(row.number for row in rows), sum(row.worse for row in rows)
    back = sum(row.worse_back if worse else row.back for row in rows)
    return Judged(
        facts=Facts(
            change_points=number,
            is_worse=worse > 0,
            has_recovered=number > 0 and back == (worse or number),
            worst=_largest(row.worst for row in rows),
            surely=_largest(row.surely for row in rows),
        ),
        range=joined(Range(after=(row.since, row.after_commit_id), until=(row.to, row.until_commit_id)) for row in rows)
        if rows
        else None,
    )


def _largest(values: Iterable[float | None]) -> float | None:
    return max((each for each in values if each is not None), default=None)


_BY_NUMBERS: Mapping[Turn, tuple[Triage, str]] = {
    Turn.WITHDRAWN: (Triage.NOISE, "Later measurements spoke against it."),
    Turn.REOPENED: (Triage.NEW, "It grew beyond what was agreed, or came back."),
    Turn.RECOVERED: (Triage.RECOVERED, "The level went back by itself."),
}


async def follow(db: AsyncConnection, row: sa.RowMapping, judged: Judged, turn: Turn | None) -> None:
    """Bring a locked shift to what the numbers say of it."""
    values: dict[str, Any] = {"is_worse": judged.facts.is_worse or (turn is Turn.WITHDRAWN and row["is_worse"])}
    if judged.range is not None:
        values |= {"after_commit_id": judged.range.after[1], "until_commit_id": judged.range.until[1]}
    if turn is not None:
        state, reason = _BY_NUMBERS[turn]
        agreed = row["agreed_change"] if turn is Turn.REOPENED else judged.facts.worst  # shown beside how bad it is now
        values |= _said(state, BY_ITSELF, agreed=agreed, reason=reason)
        was = f"{row['state']} by {row['said_by'] or BY_ITSELF}"
        await audit.record(db, f"shift.{turn}", actor=BY_ITSELF, detail=f"alert {row['id']}, was {was}: {reason}")
    turned_bad = judged.facts.is_worse and not row["is_worse"] and row["state"] == Triage.NEW
    if turn is not None or turned_bad:
        values |= _untold(row)
    if any(row[name] != value for name, value in values.items() if not isinstance(value, sa.ColumnElement)):
        await db.execute(sa.update(shift).where(shift.c.id == row["id"]).values(**values))


async def say(
    db: AsyncConnection, row: sa.RowMapping, state: Triage, judged: Judged, *, actor: str, **words: str
) -> None:
    """Write down what a person says of a locked shift: its state, and reason, link or assignee."""
    values = _said(state, actor, agreed=judged.facts.worst, **words) | _untold(row)
    await db.execute(sa.update(shift).where(shift.c.id == row["id"]).values(**values))
    detail = "; ".join(f"{name} {word}" for name, word in words.items() if word)
    await audit.record(db, f"shift.{state}", actor=actor, detail=f"alert {row['id']}, was {row['state']}: {detail}")


def _said(state: Triage, actor: str, *, agreed: float | None, **words: str) -> dict[str, Any]:
    now = sa.func.now()
    over = None if state in OPEN else now
    return {"state": state, "said_by": actor, "said_at": now, "agreed_change": agreed, "closed_at": over, **words}


def _untold(row: sa.RowMapping) -> dict[str, Any]:
    """Let subscribers hear of it, once: what waits to be told anyway says the newest."""
    version = row["version"] if row["told_version"] < row["version"] else row["version"] + 1
    return {"version": version, "tell_at": sa.func.now() + seconds(SETTLE_S)}
