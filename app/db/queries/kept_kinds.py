"""What goes after its time, and what stays all the same.

What was measured stays for ever in sum (median, lowest, highest, count). Around a change point the raw samples stay
too, and at the two commits that it lies between the files: there somebody may want to look again.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import arrays
from app.db.queries.kept import Kind, Remove
from app.db.tables import (
    artefact_piece,
    attempt,
    audit,
    change_point,
    commit,
    delivery,
    import_,
    job,
    log_chunk,
    measurement,
    pipeline,
    result,
)

AROUND = 32  # points of a series on each side of a change point: what the detector compares there
SAMPLE = 8  # bytes
OLDEST = 500  # lines of the audit that one look takes in: they lie in the order of their ids


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


async def _bodies(db: AsyncConnection, ids: Sequence[int]) -> None:
    await db.execute(sa.update(delivery).where(arrays.is_in(delivery.c.id, ids)).values(body=b"", headers={}))


async def _lines(db: AsyncConnection, ids: Sequence[int]) -> None:
    await db.execute(sa.delete(audit).where(arrays.is_in(audit.c.id, ids)))


def _of_import() -> sa.ScalarSelect[int]:
    own = import_.alias("whose")
    return sa.select(own.c.repository_id).where(own.c.id == import_.c.id).scalar_subquery()


def _sum(value: Any, where: sa.ColumnElement[bool]) -> sa.ScalarSelect[Any]:
    return sa.select(sa.func.coalesce(sa.func.sum(value), 0)).where(where).scalar_subquery()


def _of_attempt(attempt_id: sa.ColumnElement[Any]) -> sa.ScalarSelect[int]:
    """Find the repository of an attempt."""
    own = attempt.alias("whose")
    found = sa.select(pipeline.c.repository_id).join_from(own, job, job.c.id == own.c.job_id)
    found = found.join(pipeline, pipeline.c.id == job.c.pipeline_id).where(own.c.id == attempt_id)
    return found.scalar_subquery()


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

_raw = SAMPLE * sa.func.cardinality(measurement.c.samples)
_earlier = audit.alias("earlier")
_first = sa.select(_earlier.c.id).order_by(_earlier.c.id).limit(OLDEST)

LOGS = Kind(
    name="logs",
    rule="logs",
    setting="keep_logs_days",
    of=attempt,
    repository=_of_attempt(attempt.c.id),
    since=attempt.c.ended_at,
    noted=attempt.c.log_removed_at,
    remove=_pieces(log_chunk),
    bytes=_sum(sa.func.octet_length(log_chunk.c.data), log_chunk.c.attempt_id == attempt.c.id),
)
ARTEFACTS = Kind(
    name="artefacts",
    rule="artefacts",
    setting="keep_artefacts_days",
    of=attempt,
    repository=_of_attempt(attempt.c.id),
    since=attempt.c.ended_at,
    noted=attempt.c.artefacts_removed_at,
    remove=_pieces(artefact_piece),
    bytes=_sum(sa.func.octet_length(artefact_piece.c.data), artefact_piece.c.attempt_id == attempt.c.id),
    only=_has_artefacts,
)
SAMPLES = Kind(
    name="raw samples",
    rule="samples",
    setting="keep_samples_days",
    of=attempt,
    repository=_of_attempt(attempt.c.id),
    since=attempt.c.ended_at,
    noted=attempt.c.samples_removed_at,
    remove=_samples(measurement.c.attempt_id),
    bytes=_sum(_raw, measurement.c.attempt_id == attempt.c.id),
    most=2,  # attempts of up to tens of thousands of measurements
)
IMPORTED = Kind(
    name="raw samples of imports",
    rule="samples",
    setting="keep_samples_days",
    of=import_,
    repository=_of_import(),
    since=import_.c.imported_at,
    noted=import_.c.samples_removed_at,
    remove=_samples(measurement.c.import_id),
    bytes=_sum(_raw, measurement.c.import_id == import_.c.id),
    most=1,
)
FILES = Kind(
    name="result files",
    rule="results",
    setting="keep_results_days",
    of=result,
    repository=_of_attempt(result.c.attempt_id),
    since=result.c.stored_at,
    noted=result.c.removed_at,
    remove=_files,
    bytes=sa.func.octet_length(result.c.data),
    only=sa.not_(_at_a_change),
)
DELIVERIES = Kind(
    name="deliveries",
    setting="keep_deliveries_days",
    of=delivery,
    since=delivery.c.received_at,
    noted=delivery.c.removed_at,
    remove=_bodies,
    bytes=sa.func.octet_length(delivery.c.body),
    only=delivery.c.handled_at.is_not(None),
)
AUDIT = Kind(
    name="audit",
    setting="keep_audit_days",
    of=audit,
    since=audit.c.at,
    noted=None,
    remove=_lines,
    bytes=sa.func.octet_length(audit.c.detail) + sa.func.octet_length(audit.c.action),
    oldest=audit.c.id.in_(_first),
)
KINDS = (LOGS, ARTEFACTS, SAMPLES, IMPORTED, FILES, DELIVERIES, AUDIT)
RULES = ("logs", "artefacts", "samples", "results", "pipelines")  # that a repository may have of its own
