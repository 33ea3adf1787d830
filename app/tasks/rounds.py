"""What a worker does by the clock, beside the tasks: send statuses, sweep, put forgotten deliveries again.

Any number of workers may do this at once: statuses are claimed, the rest is done by whoever gets the lock.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import sqlalchemy as sa
import structlog
from rq import Queue
from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer

from app import journal
from app.backup import scheduled
from app.db.queries import deliveries
from app.db.queries.tallies import Tally
from app.deps import Deps
from app.dispatch import counters, sweep
from app.handlers import bisection, erasing, forge_roles, schedule
from app.notify import sending, telling
from app.reporting import absence, answers, comments, statuses
from app.results import analysing
from app.task_queue import QUEUE
from app.tasks import reconcile, retention

STATUSES_S = 1.0
COMMENTS_S = 1.0
ANSWERS_S = 1.0
ABSENCE_S = 15.0
BISECTIONS_S = 2.0
GATHER_S = 0.3  # what changes within so long is one status: a job that starts at once was hardly ever queued
SWEEP_S = 2.0
DELIVERIES_S = 2.0
SCHEDULES_S = 10.0
RETENTION_S = 60.0
ANALYSIS_S = 2.0
TELL_S = 2.0
NOTIFY_S = 2.0
DELAYED_S = 1.0  # RQ counts in whole seconds
LOCK = 0x7269_6702  # advisory: one worker at a time puts deliveries again

Round = Callable[[Deps], Awaitable[object]]
log = structlog.get_logger()


async def run(deps: Deps) -> None:
    """Go round until cancelled."""
    wake = asyncio.Event()
    ends = [deps.notices.on(topic, lambda _: wake.set()) for topic in ("status", "job", "pipeline")]
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_round(deps, statuses.send_due, STATUSES_S, wake))
            group.create_task(_round(deps, comments.send_due, COMMENTS_S))
            group.create_task(_round(deps, answers.send_due, ANSWERS_S))
            group.create_task(_round(deps, absence.note, ABSENCE_S))
            group.create_task(_round(deps, sweep.sweep, SWEEP_S))
            group.create_task(_round(deps, bisection.advance, BISECTIONS_S))
            group.create_task(_round(deps, put_unhandled, DELIVERIES_S))
            group.create_task(_round(deps, put_delayed, DELAYED_S))
            group.create_task(_round(deps, schedule.run_due, SCHEDULES_S))
            group.create_task(_round(deps, reconcile.in_turn, reconcile.EVERY_S))
            group.create_task(_round(deps, analysing.analyse_due, ANALYSIS_S))
            group.create_task(_round(deps, telling.tell_due, TELL_S))
            group.create_task(_round(deps, sending.send_due, NOTIFY_S))
            group.create_task(_round(deps, sending.forget_old, RETENTION_S))
            group.create_task(_round(deps, erasing.go_on, erasing.EVERY_S))
            group.create_task(_round(deps, scheduled.run_due, scheduled.EVERY_S))
            group.create_task(_round(deps, _remove_old(deps), RETENTION_S))
            group.create_task(_round(deps, retention.forget_answers, RETENTION_S))
            group.create_task(_round(deps, forge_roles.refresh_due, forge_roles.ROUND_S))
    finally:
        for end in ends:
            end()


async def _round(deps: Deps, work: Round, every_s: float, wake: asyncio.Event | None = None) -> None:
    """Do one thing again and again; a fault of one round must not end the others."""
    wake = wake or asyncio.Event()
    journal.about(None, round=getattr(work, "__name__", ""))
    while True:
        try:
            wake.clear()
            await work(deps)
        except Exception:
            counters.count(Tally.FAULTS, getattr(work, "__name__", ""))
            log.exception("round_failed")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), every_s)
            await asyncio.sleep(GATHER_S)


def _remove_old(deps: Deps) -> Round:
    remover = retention.Remover(deps.begin, deps.settings)

    async def remove_old(_: Deps) -> None:
        await remover.round()

    return remove_old


async def put_unhandled(deps: Deps) -> int:
    """Queue the deliveries that nobody has handled: their task was lost, or its try failed."""
    async with deps.begin() as db:
        if not await db.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(LOCK))):
            return 0
        waiting = await deliveries.unhandled(db)
    if waiting:
        counters.count(Tally.PUT_AGAIN, "delivery", len(waiting))
    for delivery_id in waiting:
        await deps.tasks.put("handle_delivery", delivery_id)
    return len(waiting)


async def put_delayed(deps: Deps) -> None:
    """Queue the tasks whose next try is due; RQ itself would need one more process for that."""
    await asyncio.get_running_loop().run_in_executor(deps.threads, _put_delayed, deps)


def _put_delayed(deps: Deps) -> None:
    queue = Queue(QUEUE, connection=deps.redis_sync, serializer=JSONSerializer)
    if queue.scheduled_job_registry.get_job_count(cleanup=False) == 0:
        return
    scheduler = RQScheduler([queue], connection=deps.redis_sync, serializer=JSONSerializer, logging_level="WARNING")
    if scheduler.acquire_locks():  # type: ignore[no-untyped-call]
        try:
            scheduler.enqueue_scheduled_jobs()  # type: ignore[no-untyped-call]
        finally:
            scheduler.release_locks()  # type: ignore[no-untyped-call]
