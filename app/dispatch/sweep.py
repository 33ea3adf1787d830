"""Put right what no event puts right. One pass; any number of processes may try, one at a time sweeps.

Every step is a transaction of its own that checks its row again under a lock, so that a sweeper that
was frozen and wakes up late does no harm.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
import structlog

from app.db.queries import attempts, builders, jobs, presence
from app.db.queries.overdue import forget_turns, given_up, needs_failed, unread_results
from app.db.queries.tallies import Tally
from app.deps import Deps
from app.dispatch import counters, finish, health, lapse, queue, repair
from app.states import JobState

LOCK = 0x7269_6701  # advisory: one process at a time sweeps
LOCK_S = 20  # seconds after which the database takes the lock from a frozen sweeper
AT_ONCE = 200  # rows of one kind that one pass takes on

log = structlog.get_logger()


async def sweep(deps: Deps) -> bool:
    """Do one pass; False if another process is at it.

    Leases that lapsed or were lost end, cancels that nobody confirmed and jobs over their limits too; boards
    that are in doubt, or were not looked at for long, are asked for a check; builders that fell silent are away;
    RQ is made to agree with the rows; jobs that wait in vain end; results that nobody read are read.
    """
    async with _alone(deps) as is_ours:
        if is_ours:
            await _end_leases(deps)
            await health.look_after(deps)
            await _note_silence(deps)
            await _give_up(deps)
            await _skip_the_needy(deps)
            await _forget(deps)
            await _read_results(deps)
            await repair.agree(deps)
            await counters.keep(deps)
        return is_ours


@asynccontextmanager
async def _alone(deps: Deps) -> AsyncIterator[bool]:
    async with deps.begin() as db:
        is_ours = bool(await db.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(LOCK))))
        if is_ours:
            await db.execute(sa.text(f"SET LOCAL idle_in_transaction_session_timeout = '{LOCK_S}s'"))
        yield is_ours


async def _end_leases(deps: Deps) -> None:
    """End what is overdue, unless nobody could say anything because the service was away."""
    async with deps.begin() as db:
        due = await attempts.due(db, limit=AT_ONCE) if await presence.is_heard(db) else []
    for row in due:
        async with deps.begin() as db:
            ended = await lapse.end(db, row.id)
        if ended is not None:
            counters.count(Tally.LEASES_ENDED, ended.reason.partition(" ")[0].rstrip(":")[:100])
            log.warning("lease_ended", attempt=row.id, job=ended.job_id, state=ended.state, reason=ended.reason)
            await finish.tell(deps, row.builder, ended)


async def _note_silence(deps: Deps) -> None:
    """Say that builders are away, or are not any more: nothing else happens then that pages could hear of."""
    async with deps.begin() as db:
        found = await builders.note_silence(db) if await presence.is_heard(db) else []
    if found:
        await deps.notices.publish("builder", **({"id": found[0]} if len(found) == 1 else {}))


async def _give_up(deps: Deps) -> None:
    """End queued jobs that no board can run, or that waited longer than a job may."""
    async with deps.begin() as db:
        found = await given_up(db, AT_ONCE, deps.settings.queue_limit_s)
    for each in found:
        async with deps.begin() as db:
            moved = await jobs.move(db, each.job_id, each.state, reason=each.reason)
            places = await jobs.places(db, [each.job_id])
        if moved is None:
            continue
        counters.count(Tally.JOBS_GIVEN_UP, each.state)
        await queue.drop(deps, places)
        await finish.announce(deps, places[0].pipeline_id, each.job_id, each.state)


async def _skip_the_needy(deps: Deps) -> None:
    """End jobs whose needs will not be met: group by group, as one skipped job keeps others waiting in vain."""
    while True:
        async with deps.begin() as db:
            found = await needs_failed(db, limit=AT_ONCE)
            skipped = [
                each for each, why in found if await jobs.move(db, each, JobState.SKIPPED, reason=why) is not None
            ]
            places = await jobs.places(db, skipped)
        await queue.drop(deps, places)
        for row in places:
            await finish.announce(deps, row.pipeline_id, row.id, JobState.SKIPPED)
        if not skipped:
            return


async def _forget(deps: Deps) -> None:
    """Erase what is of no use any more. Two jobs that end at once each take the other for open, so tokens too."""
    async with deps.begin() as db:
        await jobs.erase_tokens(db)
        await forget_turns(db)


async def _read_results(deps: Deps) -> None:
    async with deps.begin() as db:
        unread = await unread_results(db, limit=AT_ONCE)
    if unread:
        counters.count(Tally.PUT_AGAIN, "result", len(unread))
    for attempt_id in unread:
        await deps.tasks.put("ingest_result", attempt_id)
