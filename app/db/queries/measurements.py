"""Measurements as they are written: in bulk, once for each attempt or import, in the order of their commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import arrays
from app.db.tables import analysis, commit, measurement

AT_ONCE = 5_000  # rows of one statement: some megabytes of parameters
MADE_AT = sa.func.coalesce(commit.c.committed_at, commit.c.seen_at)
_REPLACED = ("made_at", "value", "low", "high", "count", "samples", "resolution", "cap")


@dataclass(frozen=True, kw_only=True)
class Taken:
    """One measurement, in the unit of its series."""

    series_id: int
    value: float  # median of the samples
    samples: Sequence[float]  # one or more, in the order they were taken
    resolution: float | None = None
    cap: float | None = None


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where measurements come from: an attempt of ours, or an import."""

    attempt_id: int | None = None
    import_id: int | None = None
    measured_at: datetime | None = None  # None: now


@dataclass(frozen=True, kw_only=True)
class At:
    """A commit and its place in the order."""

    commit_id: int
    made_at: datetime


async def at(db: AsyncConnection, repository_id: int, sha: str) -> At:
    """Find a commit, or make one that knows only its hash and when it was seen."""
    asked = sa.select(commit.c.id, MADE_AT).where(commit.c.repository_id == repository_id, commit.c.sha == sha)
    found = (await db.execute(asked)).one_or_none()
    if found is None:
        await db.execute(insert(commit).values(repository_id=repository_id, sha=sha).on_conflict_do_nothing())
        found = (await db.execute(asked)).one()
    return At(commit_id=found[0], made_at=found[1])


async def add(db: AsyncConnection, where: At, origin: Origin, taken: Sequence[Taken]) -> None:
    """Store what was measured at a commit; what the same attempt or import said before of a series is replaced."""
    for first in range(0, len(taken), AT_ONCE):
        await db.execute(_add(where, origin, taken[first : first + AT_ONCE]))


async def samples_of(db: AsyncConnection, series_ids: Sequence[int]) -> dict[int, int]:
    """Count the samples of some series, also of those that were not kept."""
    mine = arrays.is_in(measurement.c.series_id, series_ids)
    asked = sa.select(measurement.c.series_id, sa.func.sum(measurement.c.count)).where(mine)
    return {series_id: int(samples) for series_id, samples in await db.execute(asked.group_by(measurement.c.series_id))}


async def forget_others(db: AsyncConnection, attempt_id: int, series_ids: Sequence[int]) -> None:
    """Remove what an attempt measured of other series than these: it was read once more, and says something else."""
    kept = arrays.is_in(measurement.c.series_id, series_ids)
    await db.execute(sa.delete(measurement).where(measurement.c.attempt_id == attempt_id, sa.not_(kept)))


async def settle(db: AsyncConnection, attempt_id: int, commit_id: int) -> None:
    """Put the measurements of an attempt where their commit is now, after the transaction that stored them.

    What git says of a commit may have come between; the lock waits for whoever is about to say it.
    """
    made_at = await db.scalar(sa.select(MADE_AT).where(commit.c.id == commit_id).with_for_update(read=True))
    moved = sa.update(measurement).where(measurement.c.attempt_id == attempt_id, measurement.c.made_at != made_at)
    await db.execute(moved.values(made_at=made_at))


async def move(db: AsyncConnection, commit_id: int, made_at: datetime) -> None:
    """Put all measurements of a commit elsewhere in the order, and have their series looked at again as wholes."""
    moved = (
        sa.update(measurement)
        .where(measurement.c.commit_id == commit_id, measurement.c.made_at != made_at)
        .values(made_at=made_at)
        .returning(measurement.c.series_id)
        .cte("moved")
    )
    again = sa.update(analysis).where(analysis.c.series_id.in_(sa.select(moved.c.series_id)))
    await db.execute(again.values(due_at=sa.func.clock_timestamp(), points=0).add_cte(moved))


def _add(where: At, origin: Origin, taken: Sequence[Taken]) -> sa.Insert:
    """Write one statement for all rows."""
    columns = _columns(taken)
    new = arrays.rows("new", columns)
    given = [new.c[name] if name != "samples" else sa.cast(new.c.samples, ARRAY(sa.Double)) for name in columns]
    whole = {
        "commit_id": where.commit_id,
        "made_at": where.made_at,
        "attempt_id": origin.attempt_id,
        "import_id": origin.import_id,
    }
    same = [sa.literal(value, type_=measurement.c[name].type) for name, value in whole.items()]
    when = sa.func.coalesce(sa.literal(origin.measured_at, type_=measurement.c.measured_at.type), sa.func.now())
    names = ["measured_at", *whole, *columns]
    added = insert(measurement).from_select(names, sa.select(when, *same, *given))
    changed = {name: added.excluded[name] for name in _REPLACED}
    if origin.import_id is None:
        return added.on_conflict_do_update(constraint="measurement_once", set_=changed)
    return added.on_conflict_do_update(
        index_elements=["import_id", "series_id", "commit_id"],
        index_where=measurement.c.import_id.is_not(None),
        set_=changed,
    )


def _columns(taken: Sequence[Taken]) -> dict[str, arrays.Column]:
    return {
        "series_id": ([each.series_id for each in taken], sa.Integer),
        "value": ([each.value for each in taken], sa.Double),
        "low": ([min(each.samples) for each in taken], sa.Double),
        "high": ([max(each.samples) for each in taken], sa.Double),
        "count": ([len(each.samples) for each in taken], sa.Integer),
        "samples": ([_array(each.samples) for each in taken], sa.Text),
        "resolution": ([each.resolution for each in taken], sa.Double),
        "cap": ([each.cap for each in taken], sa.Double),
    }


def _array(samples: Sequence[float]) -> str:
    """Write samples as text: PostgreSQL has no array of arrays of different lengths."""
    return "{" + ",".join(map(repr, map(float, samples))) + "}"


async def measured(db: AsyncConnection, series_ids: Sequence[int], shas: Sequence[str]) -> set[str]:
    """Tell which of these commits have a point in any of the series."""
    asked = (
        sa.select(commit.c.sha)
        .join_from(measurement, commit, commit.c.id == measurement.c.commit_id)
        .where(measurement.c.series_id == sa.any_(sa.cast(list(series_ids), ARRAY(sa.Integer))))
        .where(commit.c.sha == sa.any_(sa.cast(list(shas), ARRAY(sa.Text))))
        .distinct()
    )
    return set(await db.scalars(asked))
