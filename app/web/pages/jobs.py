"""One job: its attempts and phases, its log, what it measured. And the queue."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from quart import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import artefacts, logs, pipelines, points, why
from app.db.queries import pages as queries
from app.db.queries.pipelines import PipelineView
from app.handlers import jobs as deciding
from app.rights import Right
from app.states import ENDED, HELD, JobState
from app.web import admission
from app.web.api.operations import read_form
from app.web.api.pipelines import Reason
from app.web.pages import log_text
from app.web.pages.answer import ID, answer, button, deps, found, go_to, page
from app.web.pages.rows import JobRow, job_row, seconds, titled
from builders.protocol import Kind


@dataclass(frozen=True, kw_only=True)
class PhaseRow:
    """One phase of an attempt as the builder reported it."""

    phase: str
    seconds: float
    exit_code: int | None
    share: float  # of the longest phase, 0 … 1


@dataclass(frozen=True, kw_only=True)
class AttemptRow:
    """One try at the job."""

    id: int
    epoch: int
    builder: str
    board: str
    opened_at: datetime
    ended_at: datetime | None
    seconds: float | None
    phase: str | None
    phases: list[PhaseRow]
    outcome: JobState | None
    reason: str
    exit_code: int | None
    log_size: int
    log_dropped: int
    log_removed_at: datetime | None
    artefacts_removed_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class ResultRow:
    """One result file."""

    number: int
    size: int
    sha256: str
    format: str | None
    note: str
    ingested_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class ArtefactRow:
    """One file that was kept."""

    number: int
    name: str
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class MeasurementRow:
    """One measurement of the attempt, and the series it went to."""

    series_id: int
    benchmark: str
    params: dict[str, Any]
    metric: str
    unit: str
    better: str | None
    branch: str
    value: float
    count: int  # of samples
    samples: list[float]  # empty once they were kept long enough


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Something that happened to the job."""

    at: datetime
    actor: str
    action: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """The end of the latest attempt's log."""

    attempt_id: int
    start: int  # bytes before it that are only in the raw log
    end: int  # where the live log goes on
    text: str


@dataclass(frozen=True, kw_only=True)
class JobPage:
    """`/jobs/{id}`."""

    job: JobRow
    pipeline: PipelineView
    cancel_reason: str
    ended: bool
    attempts: list[AttemptRow]
    results: list[ResultRow]
    artefacts: list[ArtefactRow]
    measurements: list[MeasurementRow]
    moments: list[Moment]
    log: Excerpt | None
    log_days: int  # how long logs are kept

    @property
    def may_be_retried(self) -> bool:
        """Tell whether a new job may stand in its place: a check of a board is asked for anew on its builder's page."""
        able = self.ended and not self.job.replaced and not self.pipeline.token_erased
        return able and self.job.kind != Kind.HEALTH


@dataclass(frozen=True, kw_only=True)
class QueueView:
    """`/queue`: what waits and what runs, per board type."""

    waiting: dict[str, list[JobRow]]
    awaiting_approval: list[JobRow]
    held: list[JobRow]
    offered: list[str]  # board types that some builder offers
    shown: int  # at most so many of each are listed


QUEUE_LIMIT = 200


@page(f"/jobs/<{ID}:job_id>")
async def job(job_id: int) -> Response:
    """Show one job."""
    async with deps().begin() as db:
        row = found(await queries.job(db, job_id), f"job {job_id}")
        tries = [_attempt(each) for each in await queries.attempts(db, job_id)]
        latest = tries[0] if tries else None
        log = await _excerpt(db, latest) if latest else None
        (pipeline,) = await titled(db, [found(await pipelines.get(db, row["pipeline_id"]), "such pipeline")])
        view = JobPage(
            job=job_row(row, (await why.waits(db, [job_id], deps().settings.caps)).get(job_id)),
            pipeline=pipeline,
            cancel_reason=row["cancel_reason"],
            ended=row["state"] in ENDED,
            attempts=tries,
            results=[_result(each) for each in await queries.result_files(db, latest.id)] if latest else [],
            artefacts=[_artefact(each) for each in await artefacts.of_attempt(db, latest.id)] if latest else [],
            measurements=[_measurement(each) for each in await points.of_attempt(db, latest.id)] if latest else [],
            moments=[Moment(**each) for each in await queries.audit(db, job_id)],
            log_days=deps().settings.keep_logs_days,
            log=Excerpt(attempt_id=log.attempt_id, start=log.start, end=log.end, text=log.text) if log else None,
        )
    pieces = log_text.pieces(log.data) if log else []
    return await answer("job.html", view, pieces=pieces, visitor=await admission.visitor())


@button(f"/jobs/<{ID}:job_id>/cancel", job)
async def cancel_from_page(job_id: int) -> Response:
    """Cancel a job, for a member."""
    actor, form = await admission.pressed(Right.CONTROL)
    await deciding.cancel_job(deps(), job_id, reason=read_form(Reason, form).reason, actor=actor.name)
    return go_to(f"/jobs/{job_id}", "cancelled")


@button(f"/jobs/<{ID}:job_id>/retry", job)
async def retry_from_page(job_id: int) -> Response:
    """Queue a new job in the place of an ended one, and show it, for a member."""
    actor, _ = await admission.pressed(Right.CONTROL)
    return go_to(f"/jobs/{await deciding.retry_job(deps(), job_id, actor=actor.name)}", "retried job")


@page("/queue")
async def queue() -> Response:
    """Show what waits for a board, and what holds one."""
    async with deps().begin() as db:
        queued, approval, held = [
            await queries.jobs_in(db, states, limit=QUEUE_LIMIT)
            for states in (frozenset({JobState.QUEUED}), frozenset({JobState.AWAITING_APPROVAL}), HELD)
        ]
        reasons = await why.waits(db, [each["id"] for each in queued], deps().settings.caps)
        offered = await queries.board_types(db)
    waiting = [job_row(each, reasons.get(each["id"])) for each in queued]
    view = QueueView(
        waiting={kind: [each for each in waiting if each.board_type == kind] for kind in _kinds(waiting)},
        awaiting_approval=[job_row(each) for each in approval],
        held=[job_row(each) for each in held],
        offered=offered,
        shown=QUEUE_LIMIT,
    )
    return await answer("queue.html", view)


def _kinds(jobs: list[JobRow]) -> list[str]:
    return sorted({each.board_type for each in jobs})


def _attempt(row: sa.RowMapping) -> AttemptRow:
    names = [name for name in AttemptRow.__dataclass_fields__ if name in row and name != "phases"]
    return AttemptRow(
        **{name: row[name] for name in names},
        seconds=seconds(row["opened_at"], row["ended_at"]),
        phases=_phases(row["phases"]),
    )


def _phases(reported: list[dict[str, Any]]) -> list[PhaseRow]:
    longest = max((float(each["seconds"]) for each in reported), default=0.0) or 1.0
    return [
        PhaseRow(
            phase=each["phase"],
            seconds=each["seconds"],
            exit_code=each.get("exit_code"),
            share=round(each["seconds"] / longest, 3),
        )
        for each in reported
    ]


def _result(row: sa.RowMapping) -> ResultRow:
    return ResultRow(**{name: row[name] for name in ResultRow.__dataclass_fields__})


def _artefact(row: sa.RowMapping) -> ArtefactRow:
    return ArtefactRow(**{name: row[name] for name in ArtefactRow.__dataclass_fields__})


def _measurement(row: sa.RowMapping) -> MeasurementRow:
    return MeasurementRow(**{name: row[name] for name in MeasurementRow.__dataclass_fields__})


@dataclass(frozen=True, kw_only=True)
class _Tail:
    attempt_id: int
    start: int
    end: int
    data: bytes

    @property
    def text(self) -> str:
        return log_text.decode(self.data)


async def _excerpt(db: AsyncConnection, attempt: AttemptRow) -> _Tail:
    start = max(0, attempt.log_size - log_text.EXCERPT)
    data = await logs.read(db, attempt.id, start, log_text.EXCERPT)
    end = start + len(data)
    if start:
        data = log_text.after_first_line(data)
    return _Tail(attempt_id=attempt.id, start=end - len(data), end=end, data=data)
