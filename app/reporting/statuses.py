"""The sender of the outbox: shows on the forge what the rows say, until the forge has taken it."""

import asyncio
import random
from dataclasses import dataclass

import structlog

from app.db.queries import pipelines, statuses
from app.db.queries.statuses import Claimed
from app.deps import Deps
from app.reporting import wording
from app.reporting.wording import Facts
from app.states import JobState
from integrations.forge import CommitStatus, Permanent, StatusState, Transient

AT_ONCE = 10  # calls to forges at the same time
SEND_S = statuses.CLAIM_S - 3  # seconds for one: given up before the claim ends
REFUSALS = 3  # before giving up: for a moment after a push GitHub may not know the commit yet
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 300.0  # between two tries, doubling

WORDS_EVERY_S = 10.0  # between two calls that change the description alone

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a status should show now."""

    state: StatusState
    description: str


async def send_due(deps: Deps) -> int:
    """Send every status that is due; return how many were looked at. Several senders share the work."""
    looked_at = 0
    while True:
        async with deps.autocommit() as db:
            claimed = await statuses.claim_due(db, AT_ONCE)
        await asyncio.gather(*(_converge(deps, each) for each in claimed))
        looked_at += len(claimed)
        if len(claimed) < AT_ONCE:
            return looked_at


async def _converge(deps: Deps, claimed: Claimed) -> None:
    """Compute the state anew, send it if it is news, and write down how far that got."""
    try:
        async with deps.autocommit() as db:
            view = await pipelines.get(db, claimed.pipeline_id)
            reason = await pipelines.reason(db, claimed.pipeline_id) if view else ""
        if view is None:
            return
        said = _said(view, reason)
        if (said.state.value, said.description) == (claimed.sent_state, claimed.sent_description):
            await _note_sent(deps, claimed, said, claimed.memory)
        elif rest_s := _rest(claimed, said):
            async with deps.begin() as db:
                await statuses.rest(db, claimed, rest_s)
        else:
            await _send(deps, claimed, said)
    except Exception:  # one status must not keep the others from going out
        log.exception("status_failed", status=claimed.id, pipeline=claimed.pipeline_id)
        await _postpone(deps, claimed, Transient("an error of ours; the log has it"))


def _rest(claimed: Claimed, said: Said) -> float:
    """Give the seconds that a mere change of words can wait: forges allow only so many statuses."""
    if claimed.sent_state != said.state.value or claimed.quiet_s is None:
        return 0.0
    return max(0.0, WORDS_EVERY_S - claimed.quiet_s)


def _said(view: pipelines.PipelineView, reason: str) -> Said:
    facts = Facts(state=view.state, counts=view.counts, error=view.error, reason=reason, commit=view.commit)
    return Said(state=wording.status_state(JobState(view.state)), description=wording.description(facts))


async def _send(deps: Deps, claimed: Claimed, said: Said) -> None:
    forge = deps.forges.get(claimed.forge)
    if forge is None:
        await _give_up(deps, claimed, f"forge {claimed.forge} is not configured")
        return
    try:
        async with asyncio.timeout(SEND_S):
            memory = await forge.set_status(_status(deps, claimed, said))
    except (Transient, TimeoutError) as problem:
        await _postpone(deps, claimed, problem)
    except Permanent as problem:
        if claimed.tries + 1 < REFUSALS:
            await _postpone(deps, claimed, problem)
        else:
            await _give_up(deps, claimed, str(problem))
    else:
        await _note_sent(deps, claimed, said, {**claimed.memory, **memory})


def _status(deps: Deps, claimed: Claimed, said: Said) -> CommitStatus:
    memory = claimed.memory
    return CommitStatus(
        repository=claimed.forge_id,
        full_name=claimed.full_name,
        commit=claimed.commit,
        context=claimed.context,
        state=said.state,
        description=said.description,
        target_url=f"{deps.settings.public_url}/pipelines/{claimed.pipeline_id}",
        ref=memory.get("ref"),
        pull_request=memory.get("pull_request"),
        source_repository=memory.get("source_repository"),
        memory=memory,
    )


async def _note_sent(deps: Deps, claimed: Claimed, said: Said, memory: dict[str, object]) -> None:
    async with deps.autocommit() as db:
        await statuses.sent(db, claimed, said.state.value, said.description, memory)


async def _postpone(deps: Deps, claimed: Claimed, problem: Exception) -> None:
    """Wait as long as the forge said, which holds for all of its statuses, or longer each time."""
    asked = getattr(problem, "retry_after", None)
    wait_s = asked if asked is not None else backoff(claimed.tries)
    log.warning("status_postponed", status=claimed.id, wait_s=round(wait_s, 1), error=str(problem)[:200])
    async with deps.begin() as db:
        await statuses.postpone(db, claimed, wait_s, str(problem) or type(problem).__name__)
        if asked is not None:
            await statuses.hold_forge(db, claimed.forge, asked)


async def _give_up(deps: Deps, claimed: Claimed, reason: str) -> None:
    log.error("status_given_up", status=claimed.id, pipeline=claimed.pipeline_id, reason=reason)
    async with deps.begin() as db:
        await statuses.give_up(db, claimed, reason)


def backoff(tries: int) -> float:
    """Give the seconds before the next try: doubling, bounded, and spread so that many do not come at once."""
    wait_s: float = min(FIRST_WAIT_S * 2 ** min(tries, 20), LONGEST_WAIT_S)
    return wait_s * random.uniform(0.7, 1.3)  # noqa: S311
