"""Turn the result files of one attempt into measurements. Safe to run again at any time.

The files of every finished job stay as they are, with a note on what they turned out to be.
Only a job that passed gives measurements: a number out of a job that failed, was cancelled or ran
out of time may be of half a run, and a history with such points would lie.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import analysis, results, series
from app.deps import Deps
from app.results.adapters import NOTE_LIMIT, Reading, read
from app.results.parsed import Metric
from app.states import JobState

log = structlog.get_logger()


async def ingest(deps: Deps, attempt_id: int) -> int:
    """Read an ended attempt's files; returns how many measurements its job has now.

    An attempt that is open or unknown gives 0 and changes nothing.
    """
    async with deps.begin() as db:
        attempt = await results.ended_attempt(db, attempt_id)
        if attempt is None:
            return 0
        found = await results.files(db, attempt_id, lock=True)  # two tasks at once: one after the other
        # 5 MB of JSON take tenths of a second: not on the event loop.
        readings = [(result_id, await asyncio.to_thread(read, data)) for result_id, data in found]
        counts = attempt["outcome"] == JobState.PASSED
        for result_id, reading in readings:
            note = reading.note if counts or not reading.parsed else _unused(reading.note, attempt["outcome"])
            await results.mark(db, result_id, format=reading.format, note=note)
        metrics = _accumulated([reading for _, reading in readings]) if counts else []
        await _store(db, attempt_id, attempt, metrics)
    log.info("results_read", attempt=attempt_id, files=len(found), measurements=len(metrics))
    return len(metrics)


def branch_of(branch: str | None, pull_request: int | None) -> str:
    """Name the branch of a series: a pull request has one of its own, a bare dispatch the empty one."""
    return f"pull/{pull_request}" if pull_request is not None else branch or ""


def _unused(note: str, outcome: JobState) -> str:
    return f"{note}; kept, not measured: the job ended {outcome}"[:NOTE_LIMIT]


def _accumulated(readings: Sequence[Reading]) -> list[Metric]:
    """Join what repeats, within a file and between run phases: the same identity is more samples."""
    found: dict[str, Metric] = {}
    for reading in readings:
        parsed = reading.parsed
        if parsed is None or parsed.status != "ok":
            continue
        for metric in parsed.metrics:
            before = found.get(metric.identity)
            found[metric.identity] = replace(before, samples=before.samples + metric.samples) if before else metric
    return list(found.values())


async def _store(db: AsyncConnection, attempt_id: int, attempt: sa.RowMapping, metrics: list[Metric]) -> None:
    if not metrics:
        return
    place = series.Place(
        repository_id=attempt["repository_id"],
        branch=branch_of(attempt["branch"], attempt["pull_request"]),
        board_type=attempt["board_type"],
        configuration=attempt["configuration"],
    )
    by_identity = {metric.identity: metric for metric in metrics}
    commit_id = await results.commit_id(db, attempt["repository_id"], attempt["commit"])
    ids = await series.ids(db, place, {identity: _fields(metric) for identity, metric in by_identity.items()})
    rows = [
        {
            "series_id": ids[identity],
            "commit_id": commit_id,
            "attempt_id": attempt_id,
            "value": median(metric.samples),
            "samples": list(metric.samples),
            "resolution": metric.resolution,
            "cap": metric.cap,
        }
        for identity, metric in by_identity.items()
    ]
    await series.measure(db, rows)
    await analysis.mark_due(db, ids.values())


def _fields(metric: Metric) -> dict[str, object]:
    return {
        "benchmark": metric.benchmark,
        "params": dict(metric.params),
        "version": metric.version,
        "metric": metric.name,
        "unit": metric.unit,
        "better": metric.better,
    }
