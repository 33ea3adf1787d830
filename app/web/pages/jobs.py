"""One job: its attempts and phases, its log, what it measured. And the queue."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from quart import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import artefacts, pipelines, points, why
from app.db.queries import pages as queries
from app.db.queries.pipelines import PipelineView
from app.handlers import jobs as deciding
from app.history.durations import Progress
from app.rights import Right
from app.states import ENDED, JobState
from app.web import admission, progress
from app.web.api.operations import read_form
from app.web.api.pipelines import Reason
from app.web.log_errors import FOR_BROWSERS
from app.web.log_search import Found
from app.web.pages import job_log
from app.web.pages.answer import ID, answer, button, deps, found, go_to, page
from app.web.pages.fresh import is_partial
from app.web.pages.job_log import Excerpt, Shown, Wanted
from app.web.pages.progress_rows import bars
from app.web.pages.rows import JobRow, job_row, seconds, titled
from builders.protocol import Kind


@dataclass(frozen=True, kw_only=True)
class PhaseRow:
    """One phase of an attempt as the builder reported it."""

    phase: str
    seconds: float
    exit_code: int | None


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
    progress: Progress | None
    log: Excerpt | None
    found: Found | None  # by a search in the log
    log_days: int  # how long logs are kept
    alone: bool  # the only job of its pipeline

    @property
    def no_cancel(self) -> str:
        """Say why it cannot be cancelled; empty if it can."""
        if self.ended:
            return "It has ended."
        return "It is being cancelled already." if self.job.cancel_requested else ""

    @property
    def no_retry(self) -> str:
        """Say why no new job may stand in its place; empty if one may."""
        if not self.ended:
            return "It has not ended: cancel it first."
        if self.job.replaced:
            return "A retry stands in its place already."
        if self.pipeline.token_erased:
            return "The token that it was dispatched with is erased: dispatch the commit again."
        return "A check is asked for anew on the builder's page." if self.job.kind == Kind.HEALTH else ""

    @property
    def no_delete(self) -> str:
        """Say why it cannot be deleted; empty if it can."""
        if not self.ended:
            return "It has not ended: cancel it first."
        return "It is the only job of its pipeline: delete the pipeline." if self.alone else ""


@page(f"/jobs/<{ID}:job_id>")
async def job(job_id: int) -> Response:
    """Show one job, with the part of its log that is asked for, and what a search in it finds."""
    asked = job_log.wanted()
    async with deps().begin() as db:
        row = found(await queries.job(db, job_id), f"job {job_id}")
        tries = [_attempt(each) for each in await queries.attempts(db, job_id)]
        of_log = _chosen(tries, asked)
        is_read = of_log is not None and not is_partial()  # the log keeps itself current
        log = await job_log.shown(db, of_log.id, of_log.log_size, asked) if of_log and is_read else None
        view = await _page(db, row, tries, log)
    if of_log is not None and is_read:
        view = replace(view, found=await job_log.found(of_log.id, asked))
    drawn = bars(view.progress, tries[0].phases if tries else []) if view.progress else []
    looks: dict[str, Any] = {
        "log": log,
        "asked": asked,
        "of_log": of_log,
        "bars": drawn,
        "signs": json.dumps(FOR_BROWSERS),
    }
    return await answer("job.html", view, visitor=await admission.visitor(), **looks)


def _chosen(tries: list[AttemptRow], asked: Wanted) -> AttemptRow | None:
    """Choose the attempt whose log is shown: the latest one, unless another is asked for."""
    if asked.attempt is None:
        return tries[0] if tries else None
    named = next((each for each in tries if each.id == asked.attempt), None)
    chosen: AttemptRow = found(named, f"attempt {asked.attempt} of this job")
    return chosen


async def _page(db: AsyncConnection, row: sa.RowMapping, tries: list[AttemptRow], log: Shown | None) -> JobPage:
    job_id, latest = row["id"], tries[0] if tries else None
    (pipeline,) = await titled(db, [found(await pipelines.get(db, row["pipeline_id"]), "such pipeline")])
    return JobPage(
        job=job_row(row, (await why.waits(db, [job_id], deps().settings.caps)).get(job_id)),
        pipeline=pipeline,
        cancel_reason=row["cancel_reason"],
        ended=row["state"] in ENDED,
        attempts=tries,
        results=[_result(each) for each in await queries.result_files(db, latest.id)] if latest else [],
        artefacts=[_artefact(each) for each in await artefacts.of_attempt(db, latest.id)] if latest else [],
        measurements=[_measurement(each) for each in await points.of_attempt(db, latest.id)] if latest else [],
        moments=[Moment(**each) for each in await queries.audit(db, job_id)],
        progress=await progress.of_job(db, job_id),
        log=log.excerpt if log else None,
        found=None,
        log_days=deps().settings.keep_logs_days,
        alone=len(await queries.jobs_of(db, row["pipeline_id"], limit=2)) == 1,
    )


@button(f"/jobs/<{ID}:job_id>/cancel", job)
async def cancel_from_page(job_id: int) -> Response:
    """Cancel a job, for a member."""
    actor, form = await admission.pressed(Right.CONTROL, job_id=job_id)
    await deciding.cancel_job(deps(), job_id, reason=read_form(Reason, form).reason, actor=actor.name)
    return go_to(f"/jobs/{job_id}", "cancelled")


@button(f"/jobs/<{ID}:job_id>/retry", job)
async def retry_from_page(job_id: int) -> Response:
    """Queue a new job in the place of an ended one, and show it, for a member."""
    actor, _ = await admission.pressed(Right.CONTROL, job_id=job_id)
    return go_to(f"/jobs/{await deciding.retry_job(deps(), job_id, actor=actor.name)}", "retried job")


@button(f"/jobs/<{ID}:job_id>/delete", job)
async def delete_from_page(job_id: int) -> Response:
    """Delete an ended job with its log and results, for an admin, and show its pipeline."""
    actor, _ = await admission.pressed(Right.CONFIGURE, job_id=job_id)
    pipeline_id = await deciding.delete_job(deps(), job_id, actor=actor.name)
    return go_to(f"/pipelines/{pipeline_id}", "deleted job")


def _attempt(row: sa.RowMapping) -> AttemptRow:
    names = [name for name in AttemptRow.__dataclass_fields__ if name in row and name != "phases"]
    return AttemptRow(
        **{name: row[name] for name in names},
        seconds=seconds(row["opened_at"], row["ended_at"]),
        phases=_phases(row["phases"]),
    )


def _phases(reported: list[dict[str, Any]]) -> list[PhaseRow]:
    return [
        PhaseRow(phase=each["phase"], seconds=each["seconds"], exit_code=each.get("exit_code")) for each in reported
    ]


def _result(row: sa.RowMapping) -> ResultRow:
    return ResultRow(**{name: row[name] for name in ResultRow.__dataclass_fields__})


def _artefact(row: sa.RowMapping) -> ArtefactRow:
    return ArtefactRow(**{name: row[name] for name in ArtefactRow.__dataclass_fields__})


def _measurement(row: sa.RowMapping) -> MeasurementRow:
    return MeasurementRow(**{name: row[name] for name in MeasurementRow.__dataclass_fields__})
