"""Series and their measurements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.models import Attempt, Commit, Measurement, Repository, Series

FILTERS = ("branch", "board_type", "configuration", "benchmark", "metric")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where measurements were taken: what a series has besides its identity."""

    repository_id: int
    branch: str
    board_type: str
    configuration: str


async def ids(db: AsyncConnection, place: Place, wanted: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Find the series by identity hash, making those that are new; gives identity → id."""
    if not wanted:
        return {}
    where = vars(place)
    rows = [{**where, "identity": identity, **fields} for identity, fields in sorted(wanted.items())]
    await db.execute(insert(Series).on_conflict_do_nothing(), rows)
    found = sa.select(col(Series.identity), col(Series.id)).where(
        *(getattr(Series, name) == value for name, value in where.items()),
        col(Series.identity) == sa.any_(sa.cast(list(wanted), sa.ARRAY(sa.Text))),
    )
    return {row.identity: row.id for row in await db.execute(found)}


async def measure(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store one measurement per series and attempt; the same attempt read again replaces its own."""
    if not rows:
        return
    new = insert(Measurement)
    again = new.on_conflict_do_update(
        constraint="measurement_once",
        set_={name: new.excluded[name] for name in ("value", "samples", "resolution", "cap")},
    )
    await db.execute(again, rows)


async def list_(
    db: AsyncConnection, repository_id: int | None, filters: Mapping[str, str], *, after: int = 0, limit: int = 50
) -> list[sa.RowMapping]:
    """List series by benchmark, metric, board type, configuration and branch; skips the first `after`."""
    wanted = sa.select(
        *(column for column in Series.__table__.columns),  # type: ignore[attr-defined]
        col(Repository.forge),
        col(Repository.full_name),
    ).join_from(Series, Repository, col(Repository.id) == col(Series.repository_id))
    if repository_id is not None:
        wanted = wanted.where(col(Series.repository_id) == repository_id)
    for name in FILTERS:
        if name in filters:
            wanted = wanted.where(getattr(Series, name) == filters[name])
    order = [getattr(Series, name) for name in ("benchmark", "metric", "board_type", "configuration", "branch", "id")]
    return list((await db.execute(wanted.order_by(*order).offset(after).limit(limit))).mappings())


async def get(db: AsyncConnection, series_id: int) -> sa.RowMapping | None:
    """Read one series with the name of its repository."""
    wanted = sa.select(
        *(column for column in Series.__table__.columns),  # type: ignore[attr-defined]
        col(Repository.forge),
        col(Repository.full_name),
    ).join_from(Series, Repository, col(Repository.id) == col(Series.repository_id))
    return (await db.execute(wanted.where(col(Series.id) == series_id))).mappings().one_or_none()


async def choices(db: AsyncConnection, repository_id: int, name: str, *, limit: int = 200) -> list[str]:
    """List the values that one of FILTERS has among a repository's series."""
    column = getattr(Series, name)
    wanted = sa.select(column).where(col(Series.repository_id) == repository_id).distinct().order_by(column)
    return list((await db.execute(wanted.limit(limit))).scalars())


async def measurements(db: AsyncConnection, series_ids: Sequence[int], *, commits: int) -> list[sa.RowMapping]:
    """Read the measurements of each series' latest commits, in commit order.

    Commits are ordered by when git says they were made, where a builder told it, else by when
    we first saw them; then by row id.
    """
    made_at = sa.func.coalesce(col(Commit.committed_at), col(Commit.seen_at))
    newest_first = (made_at.desc(), col(Commit.id).desc())
    rank = sa.func.dense_rank().over(partition_by=col(Measurement.series_id), order_by=newest_first)
    ranked = (
        sa.select(
            col(Measurement.series_id),
            col(Measurement.samples),
            col(Measurement.resolution),
            col(Measurement.cap),
            col(Measurement.measured_at),
            col(Attempt.job_id),
            col(Commit.id).label("commit_id"),
            col(Commit.sha),
            col(Commit.title),
            made_at.label("made_at"),
            rank.label("rank"),
        )
        .join_from(Measurement, Commit, col(Commit.id) == col(Measurement.commit_id))
        .join(Attempt, col(Attempt.id) == col(Measurement.attempt_id))
        .where(col(Measurement.series_id) == sa.any_(sa.cast(list(series_ids), sa.ARRAY(sa.Integer))))
        .subquery()
    )
    latest = sa.select(ranked).where(ranked.c.rank <= commits)
    return list(
        (await db.execute(latest.order_by(ranked.c.series_id, ranked.c.rank.desc(), ranked.c.measured_at))).mappings()
    )


async def of_attempt(db: AsyncConnection, attempt_id: int, *, limit: int = 500) -> list[sa.RowMapping]:
    """Read what one attempt measured, with the series it went to."""
    wanted = (
        sa.select(
            *(getattr(Series, name) for name in ("id", "benchmark", "params", "metric", "unit", "better", "branch")),
            col(Measurement.value),
            col(Measurement.samples),
        )
        .join_from(Measurement, Series, col(Series.id) == col(Measurement.series_id))
        .where(col(Measurement.attempt_id) == attempt_id)
    )
    return list(
        (
            await db.execute(wanted.order_by(col(Series.benchmark), col(Series.metric), col(Series.id)).limit(limit))
        ).mappings()
    )
