"""Turn the result files of one attempt into measurements. Safe to run again at any time.

The files of every finished job stay as they are, with a note on what they turned out to be.
Only a job that passed gives measurements: a number out of a job that failed, was cancelled or ran
out of time may be of half a run, and a history with such points would lie.
"""

import asyncio
from collections.abc import Sequence

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import Side
from app.db.queries import measurements, results
from app.db.queries.measurements import Origin
from app.db.queries.results import File, Requested
from app.db.queries.series import Place
from app.deps import Deps
from app.results.adapters import NOTE_LIMIT, Reading, read
from app.results.parsed import Metric
from app.results.store import branch_of, store
from app.states import JobState

WARM_UP = 0  # the pair of a comparison that is thrown away

log = structlog.get_logger()


async def ingest(deps: Deps, attempt_id: int) -> int:
    """Read an ended attempt's files; returns how many measurements its job has now.

    An attempt that is open or unknown, or whose files were kept long enough, gives 0 and changes nothing.
    """
    async with deps.begin() as db:
        of = await results.ended_attempt(db, attempt_id)
        files = await results.files(db, attempt_id, lock=True) if of else []  # two at once: one after the other
        if of is None or any(file.data is None for file in files):
            return 0
        readings = [(file, await _read(file)) for file in files]
        for file, reading in readings:
            await _mark(db, file, reading, of.outcome)
        metrics = _points(readings) if of.outcome == JobState.PASSED else []
        where = await measurements.at(db, of.repository_id, of.commit)
        stored = await store(db, _place(of), where, Origin(attempt_id=attempt_id), metrics)
        if any(file.was_read for file in files):
            await measurements.forget_others(db, attempt_id, stored)
    async with deps.begin() as db:
        await measurements.settle(db, attempt_id, where.commit_id)
    log.info("results_read", attempt=attempt_id, files=len(files), measurements=len(stored))
    return len(stored)


async def _read(file: File) -> Reading:
    # 5 MB of JSON take tenths of a second: not on the event loop.
    return await asyncio.to_thread(read, file.data or b"", file.wanted)


async def _mark(db: AsyncConnection, file: File, reading: Reading, outcome: JobState | None) -> None:
    """Keep beside a file what it turned out to be, its facts, and which benchmarks it has no number for."""
    parsed, note = reading.parsed, reading.note
    if parsed and outcome != JobState.PASSED:
        note = f"{note}; kept, not measured: the job ended {outcome}"[:NOTE_LIMIT]
    env, unmeasured = (dict(parsed.env), dict(parsed.unmeasured)) if parsed else ({}, {})
    await results.mark(db, file.id, format=reading.format, note=note, env=env, unmeasured=unmeasured)


def _points(readings: Sequence[tuple[File, Reading]]) -> list[Metric]:
    """List what becomes points of series: of a comparison the head's executions only, and not the warm-up."""
    return [
        metric
        for file, reading in readings
        if file.side is Side.HEAD and file.pair != WARM_UP and reading.parsed and reading.parsed.status == "ok"
        for metric in reading.parsed.metrics
    ]


def _place(of: Requested) -> Place:
    return Place(
        repository_id=of.repository_id,
        branch=branch_of(of.branch, of.pull_request),
        board_type=of.board_type,
        configuration=of.configuration,
    )
