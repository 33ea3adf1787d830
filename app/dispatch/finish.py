"""How an attempt ends by its builder's own words: once, whole, and without needing Redis."""

import asyncio
import base64
import datetime
import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app import measures
from app.db.queries import artefacts, attempts, commits, gauges, jobs, logs, losses, results
from app.deps import Deps
from app.dispatch import health, queue
from app.dispatch.claim import Claimant
from app.errors import Forbidden, Incomplete, LeaseLost, NotFound
from app.log_digests import LogDigests
from app.states import JobState
from builders.json_values import to_json
from builders.protocol import CommitFacts, Finish, Finished, Outcome, Phase

INFRASTRUCTURE = "infra:"  # reasons that are nobody's commit: tried again while retries remain
TRIED_ENOUGH = ("infra:fetch",)  # the builder has repeated this with growing pauses already
PARENTS_LIMIT = 100
log = structlog.get_logger()
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
BROUGHT_ALONG = ("log_rest", "claim")  # by a finish, and no part of what it says


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What is to be told after the commit."""

    attempt_id: int
    job_id: int
    pipeline_id: int
    state: JobState  # of the job: queued, if it is tried again
    reason: str
    has_results: bool = True  # as far as is known


def digest(said: Finish) -> bytes:
    """Hash the words of a finish, in one form whatever the order of their keys."""
    words = {name: value for name, value in to_json(said).items() if name not in BROUGHT_ALONG}
    return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).digest()


async def finish(deps: Deps, builder: Claimant, attempt_id: int, said: Finish) -> Finished:
    """End an attempt and its job. Saying the same thing twice is no error: the first answer may have got lost.

    Raises:
        NotFound, Forbidden: it is no attempt of this builder.
        LeaseLost: the attempt ended otherwise, or under another epoch.
        Incomplete: the log, a result file or an artefact that it names did not arrive whole.
    """
    async with deps.begin() as db:
        row = owned(await attempts.lock(db, attempt_id), attempt_id, builder)
        if row.epoch != said.epoch:
            raise LeaseLost(f"Attempt {attempt_id} has another epoch than {said.epoch}; drop the job.")
        if row.ended_at is not None:
            if row.said != digest(said):
                raise LeaseLost(f"Attempt {attempt_id} ended as {row.outcome}: {row.reason or 'no reason given'}.")
            return Finished(outcome=Outcome(row.outcome))
        await _check_whole(db, row, said, await _append_rest(db, row, said, deps.log_digests))
        ended = await _end(db, row, said, actor=f"builder {builder.name}")
    await tell(deps, builder.name, ended)
    return Finished(outcome=said.outcome)


def owned(row: sa.Row[Any] | None, attempt_id: int, builder: Claimant) -> sa.Row[Any]:
    """Insist that an attempt is this builder's.

    Raises:
        NotFound, Forbidden.
    """
    if row is None:
        raise NotFound(f"There is no attempt {attempt_id}.")
    if row.builder_id != builder.id:
        raise Forbidden(f"Attempt {attempt_id} is another builder's.")
    return row


async def _append_rest(
    db: AsyncConnection, row: sa.Row[Any], said: Finish, digests: LogDigests
) -> tuple[int, str | None]:
    """Keep the end of the log that came along, if it fits what is stored.

    Returns:
        The size after it, and the log's SHA-256 if it is known without reading the log.
    """
    rest, known = base64.b64decode(said.log_rest), digests.covering((row.id, row.epoch), row.log_size)
    start = said.log_size - len(rest)
    size = int(row.log_size)
    if rest and 0 <= start <= size:
        known = known and known.after(rest[size - start :])
        size = await logs.append(db, row.id, size, start, rest)
    return size, None if known is None else known.sha256.hexdigest()


async def _check_whole(db: AsyncConnection, row: sa.Row[Any], said: Finish, stored: tuple[int, str | None]) -> None:
    """Compare what arrived with what was sent.

    Args:
        stored: the log's size, and its SHA-256 if that is known.
    Raises:
        Incomplete: they differ; names what to send again.
    """
    size, sha256 = stored
    if size != said.log_size:
        raise Incomplete(f"{size} bytes of log are stored, not {said.log_size}.", size=size)
    wanted = said.log_sha256 or EMPTY_SHA256
    if sha256 != wanted and await logs.sha256(db, row.id, size) != wanted:
        raise Incomplete("The stored log has another SHA-256 than the one sent.", size=size)
    await results.want(db, row.id, said.results)
    files = await attempts.results_of(db, row.id) if said.results else {}
    for each in said.results:
        if files.get(each.number) != each:
            raise Incomplete(f"Result file {each.number} is not stored as it was sent.", number=each.number)
    for artefact in said.artefacts:
        if not await artefacts.is_whole(db, row.id, artefact):
            raise Incomplete(f"Artefact {artefact.number} is not stored as it was sent.", number=artefact.number)


async def _end(db: AsyncConnection, row: sa.Row[Any], said: Finish, *, actor: str) -> Ended:
    """Write the end of the attempt and the next state of its job, in the caller's transaction."""
    outcome = JobState(said.outcome)
    await attempts.end(db, row.id, outcome, said.reason, **attempts.told(said, digest(said)))
    await artefacts.name(db, row.id, said.artefacts)
    if said.commit is not None:
        await commits.know(db, row.job_id, said.commit, committed_at(said.commit))
    job = await jobs.lock(db, row.job_id)
    state, also = next_state(job, outcome, said.reason)
    reason = said.reason
    if is_loss(outcome, reason):
        state, reason, also = await after_loss(db, job.id, row.board_id, (state, reason, also))
    await jobs.move(db, row.job_id, state, actor=actor, reason=reason, **also)
    if job.cancel_requested_at is not None:
        measures.CANCEL.observe(await gauges.seconds_since(db, job.cancel_requested_at))
    is_check, ran = job.board_id is not None, any(each.phase is Phase.RUN for each in said.phases)
    found = health.sign(outcome, said.reason, is_check=is_check, ran=ran)
    boards = await attempts.boards_of(db, row.id) if found is health.Sign.DOUBT else ()
    if len(boards) > 1:
        await health.doubt_all(db, boards, said.reason)
    await health.after(db, row.board_id, found, outcome=outcome, reason=said.reason, is_check=is_check)
    return Ended(
        attempt_id=row.id,
        job_id=row.job_id,
        pipeline_id=job.pipeline_id,
        state=state,
        reason=reason,
        has_results=bool(said.results),
    )


def is_loss(outcome: JobState, reason: str) -> bool:
    """Say whether an attempt ended for want of infrastructure that another try may have."""
    return outcome is JobState.ERRORED and reason.startswith(INFRASTRUCTURE) and not reason.startswith(TRIED_ENOUGH)


Next = tuple[JobState, str, dict[str, Any]]  # of a job: state, reason, further columns


async def after_loss(db: AsyncConnection, job_id: int, board_id: int, meant: Next) -> Next:
    """Note where a job was lost, and stop it if it is lost on one builder after the other."""
    why = losses.suspicion(await losses.note(db, job_id, board_id))
    if why is None or meant[0] not in (JobState.QUEUED, JobState.ERRORED):
        return meant
    return JobState.ERRORED, why, {}


def next_state(job: sa.Row[Any], outcome: JobState, reason: str) -> tuple[JobState, dict[str, Any]]:
    """Decide what becomes of a job whose attempt ended: only a loss of infrastructure is tried again."""
    if not is_loss(outcome, reason):
        return outcome, {}
    if job.cancel_requested_at is not None:
        return JobState.CANCELLED, {}
    if job.retries_left > 0:
        return JobState.QUEUED, {"retries_left": job.retries_left - 1}
    return outcome, {}


def committed_at(facts: CommitFacts) -> datetime.datetime | None:
    """Turn git's seconds into a time; None for none, or one that no calendar has."""
    if facts.committed_at <= 0 or facts.committed_at > math.pow(2, 37):
        return None
    return datetime.datetime.fromtimestamp(facts.committed_at, datetime.UTC)


async def tell(deps: Deps, builder: str, ended: Ended) -> None:
    """Tell RQ, the tasks and whoever watches. Nothing here is needed: rows and sweep make up for all of it."""
    ids = {"pipeline": ended.pipeline_id, "job": ended.job_id, "attempt": ended.attempt_id}
    log.info("attempt_ended", **ids, builder=builder, state=ended.state.value, reason=ended.reason[:200])
    is_again = ended.state is JobState.QUEUED
    is_ours = ended.state is JobState.ERRORED and ended.reason.startswith(INFRASTRUCTURE)
    if is_again or is_ours:
        rq = queue.fail(deps, builder, ended.job_id, ended.reason, again=is_again)
    else:
        rq = queue.finish(deps, builder, ended.job_id, ended.state)
    try:
        async with asyncio.timeout(queue.CALL_S):
            await asyncio.gather(
                rq,
                announce(deps, ended.pipeline_id, ended.job_id, ended.state),
                *([deps.tasks.put("ingest_result", ended.attempt_id)] if ended.has_results else []),
            )
    except TimeoutError:
        log.warning("end_not_told", job=ended.job_id)
    if is_again:
        await queue.offer(deps, [ended.job_id], at_front=True)


async def announce(deps: Deps, pipeline_id: int, job_id: int, state: JobState) -> None:
    """Hint that a job changed, after the commit that changed it. Pages and the sender of statuses listen."""
    await deps.notices.publish("job", pipeline=pipeline_id, job=job_id, state=state)
