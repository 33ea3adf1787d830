"""Remove what was kept for as long as the settings say: logs, artefacts, raw samples and files of results.

What was measured stays for ever in sum (median, lowest, highest, count). Around a change point the raw samples stay
too, and at the two commits that it lies between the files: there somebody may want to look again.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import arrays
from app.db.tables import artefact_piece, attempt, change_point, commit, import_, log_chunk, measurement, result

AROUND = 32  # points of a series on each side of a change point: what the detector compares there
now = sa.func.now()

Remove = Callable[[AsyncConnection, Sequence[int]], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What is removed together: of which rows, how that is noted at them, and how it is done."""

    name: str
    setting: str  # the days it is kept; 0: for ever
    of: sa.Table  # attempts, result files or imports
    since: sa.Column[Any]  # when its age begins
    noted: sa.Column[Any]  # when it was removed
    remove: Remove
    only: sa.ColumnElement[bool] | None = None
    most: int = 20  # rows of one transaction

    def old(self, days: int) -> sa.Select[Any]:
        """Choose the rows whose time has come."""
        due = self.since < now - sa.func.make_interval(0, 0, 0, days)
        wanted = sa.select(self.of.c.id).where(self.noted.is_(None), due)
        return wanted if self.only is None else wanted.where(self.only)


async def count(db: AsyncConnection, kind: Kind, *, days: int) -> int:
    """Count the rows whose time has come."""
    return int(await db.scalar(sa.select(sa.func.count()).select_from(kind.old(days).subquery())) or 0)


async def remove(db: AsyncConnection, kind: Kind, *, days: int, at_once: int) -> int:
    """Remove what some of the oldest rows have, those that nobody else is at; return of how many."""
    chosen = kind.old(days).order_by(kind.since).limit(at_once).with_for_update(skip_locked=True, of=kind.of)
    ids = [row[0] for row in await db.execute(chosen)]
    if ids:
        await kind.remove(db, ids)
        await db.execute(sa.update(kind.of).where(arrays.is_in(kind.of.c.id, ids)).values({kind.noted.name: now}))
    return len(ids)


def _pieces(pieces: sa.Table) -> Remove:
    async def remove_pieces(db: AsyncConnection, ids: Sequence[int]) -> None:
        await db.execute(sa.delete(pieces).where(arrays.is_in(pieces.c.attempt_id, ids)))

    return remove_pieces


def _samples(of: sa.Column[Any]) -> Remove:
    async def remove_samples(db: AsyncConnection, ids: Sequence[int]) -> None:
        mine = sa.select(measurement.c.id, measurement.c.series_id, measurement.c.made_at)
        theirs = mine.where(arrays.is_in(of, ids)).cte("theirs")
        near = _near(sa.select(theirs.c.series_id)).cte("near")
        within = theirs.c.made_at.between(near.c.first, near.c.last)
        stays = sa.exists(sa.select(near).where(near.c.series_id == theirs.c.series_id, within))
        gone = sa.update(measurement).where(measurement.c.id == theirs.c.id, sa.not_(stays)).values(samples=[])
        await db.execute(gone)

    return remove_samples


def _near(series_ids: sa.Select[tuple[int]]) -> sa.Select[Any]:
    """Find the stretches around the change points of some series, as the places of their first and last commit."""
    before, after = commit.alias("before"), commit.alias("after")
    ends = (
        sa.select(change_point.c.series_id, _made_at(before).label("before_at"), _made_at(after).label("after_at"))
        .join_from(change_point, before, before.c.id == change_point.c.after_commit_id)
        .join(after, after.c.id == change_point.c.until_commit_id)
        .where(change_point.c.series_id.in_(series_ids), change_point.c.gone_at.is_(None))
        .subquery("ends")
    )
    made_at = measurement.c.made_at
    mine = sa.select(made_at).where(measurement.c.series_id == ends.c.series_id).offset(AROUND - 1).limit(1)
    first = mine.where(made_at <= ends.c.before_at).order_by(made_at.desc()).correlate(ends).scalar_subquery()
    last = mine.where(made_at >= ends.c.after_at).order_by(made_at).correlate(ends).scalar_subquery()
    return sa.select(
        ends.c.series_id,
        sa.func.coalesce(first, sa.literal_column("'-infinity'::timestamptz")).label("first"),
        sa.func.coalesce(last, sa.literal_column("'infinity'::timestamptz")).label("last"),
    )


def _made_at(of: sa.FromClause) -> sa.ColumnElement[Any]:
    return sa.func.coalesce(of.c.committed_at, of.c.seen_at)


async def _files(db: AsyncConnection, ids: Sequence[int]) -> None:
    await db.execute(sa.update(result).where(arrays.is_in(result.c.id, ids)).values(data=b""))


_at_a_change = sa.exists(
    sa.select(change_point.c.id)
    .join(measurement, measurement.c.series_id == change_point.c.series_id)
    .where(
        measurement.c.attempt_id == result.c.attempt_id,
        measurement.c.commit_id.in_([change_point.c.after_commit_id, change_point.c.until_commit_id]),
        change_point.c.gone_at.is_(None),
    )
)
_has_artefacts = sa.exists().where(artefact_piece.c.attempt_id == attempt.c.id)

LOGS = Kind(
    name="logs",
    setting="keep_logs_days",
    of=attempt,
    since=attempt.c.ended_at,
    noted=attempt.c.log_removed_at,
    remove=_pieces(log_chunk),
)
ARTEFACTS = Kind(
    name="artefacts",
    setting="keep_artefacts_days",
    of=attempt,
    since=attempt.c.ended_at,
    noted=attempt.c.artefacts_removed_at,
    remove=_pieces(artefact_piece),
    only=_has_artefacts,
)
SAMPLES = Kind(
    name="raw samples",
    setting="keep_samples_days",
    of=attempt,
    since=attempt.c.ended_at,
    noted=attempt.c.samples_removed_at,
    remove=_samples(measurement.c.attempt_id),
    most=2,  # attempts of up to tens of thousands of measurements
)
IMPORTED = Kind(
    name="raw samples of imports",
    setting="keep_samples_days",
    of=import_,
    since=import_.c.imported_at,
    noted=import_.c.samples_removed_at,
    remove=_samples(measurement.c.import_id),
    most=1,
)
FILES = Kind(
    name="result files",
    setting="keep_results_days",
    of=result,
    since=result.c.stored_at,
    noted=result.c.removed_at,
    remove=_files,
    only=sa.not_(_at_a_change),
)
KINDS = (LOGS, ARTEFACTS, SAMPLES, IMPORTED, FILES)
