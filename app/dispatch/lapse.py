"""How a lease ends that its builder did not end: not accepted, lost, over its limit, or cancelled in vain."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import attempts, jobs
from app.db.queries.health import keep_back
from app.dispatch import health
from app.dispatch.finish import Ended, after_loss
from app.states import JobState
from builders.protocol import LEASE_S, REUSE_S


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What becomes of an attempt, its job and its board."""

    outcome: JobState
    reason: str
    state: JobState  # of the job
    also: dict[str, Any] = field(default_factory=dict)
    keeps_board_s: float | None = None  # from now; None: the board is free at once
    is_quarantine: bool = False
    is_loss: bool = False


def verdict(due: sa.Row[Any]) -> Verdict | None:
    """Decide by what is due; the weightiest cause first. None if nothing is due any more."""
    cancelled = due.cancel_requested_at is not None
    if due.is_unconfirmed:
        reason = "cancelled, which the builder did not confirm; the board is quarantined"
        return Verdict(outcome=JobState.CANCELLED, reason=reason, state=JobState.CANCELLED, is_quarantine=True)
    if due.is_unaccepted:
        reason = "infra:unaccepted: the builder did not answer after it was given the job"
        state = JobState.CANCELLED if cancelled else JobState.QUEUED
        return Verdict(outcome=JobState.ERRORED, reason=reason, state=state)
    if due.is_lost:
        return _lost(due, cancelled=cancelled)
    if due.is_over:
        reason = f"limit: the builder did not end the job, whose limit was {due.limit_s:.0f} s"
        return Verdict(
            outcome=JobState.TIMED_OUT, reason=reason, state=JobState.TIMED_OUT, keeps_board_s=LEASE_S + REUSE_S
        )
    return None


def _lost(due: sa.Row[Any], *, cancelled: bool) -> Verdict:
    """A lost builder may touch the board until it knows; only then is the board given away."""
    reason = "infra:lost: the builder stopped answering"
    board_s = max(0.0, REUSE_S - float(due.lost_s))
    ended = partial(Verdict, outcome=JobState.ERRORED, reason=reason, keeps_board_s=board_s)
    if cancelled:
        return ended(state=JobState.CANCELLED)
    if due.retries_left > 0:
        return ended(state=JobState.QUEUED, also={"retries_left": due.retries_left - 1}, is_loss=True)
    return ended(state=JobState.ERRORED, is_loss=True)


async def _doubt(db: AsyncConnection, due: sa.Row[Any], said: Verdict) -> None:
    """Keep the boards back as long as their builder may touch them, and let them be looked at."""
    for board_id in await attempts.boards_of(db, due.id):
        if said.is_quarantine:
            await health.quarantine(db, board_id, said.reason)
        elif said.keeps_board_s is not None:
            await keep_back(db, board_id, said.keeps_board_s)
            await health.doubt(db, board_id, said.reason)


async def end(db: AsyncConnection, attempt_id: int) -> Ended | None:
    """End an attempt if something is still due, in the caller's transaction; tell what became of its job."""
    await attempts.lock(db, attempt_id)
    for due in await attempts.due(db, attempt_id=attempt_id):
        said = verdict(due)
        if said is None or await attempts.end(db, attempt_id, said.outcome, said.reason) is None:
            return None
        meant = (said.state, said.reason, said.also)
        if said.is_loss:
            meant = await after_loss(db, due.job_id, due.board_id, meant)
        state, reason, also = meant
        await jobs.move(db, due.job_id, state, reason=reason, **also)
        await _doubt(db, due, said)
        return Ended(
            attempt_id=attempt_id,
            job_id=due.job_id,
            pipeline_id=due.pipeline_id,
            state=state,
            reason=reason,
        )
    return None
