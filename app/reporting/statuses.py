"""The sender of the outbox: shows on the forge what the rows say, until the forge has taken it."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import alerts, conversations, outbox, pipelines, statuses
from app.db.queries.conversations import IN_THE_COMMENT
from app.db.queries.overdue import BOARD_AWAY
from app.db.queries.pipelines import PipelineView
from app.db.queries.statuses import Claimed
from app.deps import Deps
from app.reporting import checks, verdict_status, wording
from app.reporting.outbox import SEND_S, drain, is_final, postpone
from app.reporting.wording import Facts
from app.states import JobState
from integrations.forge import TERMINAL, CommitStatus, Forge, Permanent, StatusState, Transient

WORDS_EVERY_S = 10.0  # between two calls that change the description alone
_ENDED = {*TERMINAL, StatusState.SKIPPED}
WELL = {JobState.PASSED.value, JobState.LEASED.value, JobState.RUNNING.value}  # there is nothing to explain
LEFT_OPEN = "left_open"  # in what an adapter returns: a row of another account of ours that stays open

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a status should show now, and the page that says more."""

    state: StatusState
    description: str
    page: str
    job_id: int | None = None  # of a status that is about one target
    is_compared: bool = False  # every job has passed, and what came of comparing is the news
    summary: str = ""  # Markdown, for a check: what was compared


async def send_due(deps: Deps) -> int:
    """Send every status that is due; return how many were looked at. Several senders share the work."""
    return await drain(deps, statuses.claim_due, _converge)


async def _converge(deps: Deps, claimed: Claimed) -> None:
    """Compute the state anew, send it if it is news, and write down how far that got."""
    async with deps.in_turn() as db:
        said = await _said(db, claimed)
        if said is not None and said.is_compared:
            said = await _compared(db, claimed, said, deps.settings.public_url)
    if said is None:
        return
    is_shown = (said.state.value, said.description) == (claimed.sent_state, claimed.sent_description)
    if is_shown or claimed.memory.get("via") == IN_THE_COMMENT:
        await _note_sent(deps, claimed, said, claimed.memory)
    elif rest_s := _rest(claimed, said):
        async with deps.turns, deps.begin() as db:
            await outbox.rest(db, claimed, rest_s)
            await conversations.touch(db, claimed.pipeline_id)
    else:
        await _send(deps, claimed, said)


def _rest(claimed: Claimed, said: Said) -> float:
    """Give the seconds that a mere change of words can wait: forges allow only so many statuses."""
    if wording.asks_for_approval(claimed.sent_description) and not wording.asks_for_approval(said.description):
        return 0.0
    if claimed.sent_state != said.state.value or claimed.quiet_s is None:
        return 0.0
    return max(0.0, WORDS_EVERY_S - claimed.quiet_s)


async def _said(db: AsyncConnection, claimed: Claimed) -> Said | None:
    """Say how the status's target stands, or its whole pipeline; None if that is gone."""
    view = await pipelines.get(db, claimed.pipeline_id)
    if view is None:
        return None
    target = claimed.memory.get("target")
    job = await statuses.job_of_target(db, claimed.pipeline_id, *target) if target else None
    if job is not None:
        state = JobState(job["state"])
        text = wording.of_job(state, job["reason"], view.commit)
        own = _skipped_as(claimed, view) if job["reason"].startswith(BOARD_AWAY) else "pending"
        return Said(
            state=wording.status_state(state, skipped_as=own),
            description=text,
            page=f"/jobs/{job['id']}",
            job_id=int(job["id"]),
            is_compared=state is JobState.PASSED and view.compare_with is not None,
        )
    reason = await pipelines.reason(db, claimed.pipeline_id) if view.counts.keys() - WELL else ""
    waits = await statuses.waits(db, claimed.pipeline_id) if view.counts.get(JobState.QUEUED.value) else ""
    if reason.startswith(
        statuses.WAITS
    ):  # for another group of the same pipeline, which is no news, or as `waits` says
        reason = ""
    facts = Facts(
        state=view.state, counts=view.counts, error=view.error, reason=reason, waits=waits, commit=view.commit
    )
    return Said(
        state=wording.status_state(JobState(view.state), skipped_as=_skipped_as(claimed, view)),
        description=wording.description(facts),
        page=f"/pipelines/{claimed.pipeline_id}",
        is_compared=view.state == JobState.PASSED and view.compare_with is not None,
    )


async def _compared(db: AsyncConnection, claimed: Claimed, said: Said, url: str) -> Said:
    """Let the status of what passed say what came of comparing it."""
    target = claimed.memory.get("target")
    found = await verdict_status.judged(db, claimed.pipeline_id, tuple(target) if target else None, url)
    if found is None:
        return said
    page = found.page or said.page
    return replace(said, state=found.state, description=found.description, page=page, summary=found.summary)


def _skipped_as(claimed: Claimed, view: PipelineView) -> str:
    """Say what the repository wants shown; a check has a neutral end of its own."""
    return "pending" if claimed.memory.get("style") == checks.STYLE else view.skipped_as


async def _send(deps: Deps, claimed: Claimed, said: Said) -> None:
    forge = deps.forges.get(claimed.forge)
    if forge is None:
        await _give_up(deps, claimed, f"forge {claimed.forge} is not configured")
        return
    try:
        async with asyncio.timeout(SEND_S):
            memory = await _show(deps, forge, claimed, said)
    except (Transient, TimeoutError) as problem:
        await postpone(deps, claimed, problem)
    except Permanent as problem:
        if await is_final(deps, claimed, problem):
            await _refused(deps, claimed, said, str(problem))
    else:
        await _note_sent(deps, claimed, said, {**claimed.memory, **memory}, is_taken=True)


def _remembered(claimed: Claimed, said: Said) -> dict[str, Any]:
    """Give what the adapter may go on with: a check that has ended is not opened again, the next one is new."""
    begins_anew = claimed.sent_state in _ENDED and said.state not in _ENDED
    return {name: value for name, value in claimed.memory.items() if name != "check" or not begins_anew}


async def _show(deps: Deps, forge: Forge, claimed: Claimed, said: Said) -> dict[str, Any]:
    """Show a check where that was asked for and can be done, else a status."""
    status = _status(deps, claimed, said)
    if claimed.memory.get("style") == checks.STYLE:
        try:
            async with deps.autocommit() as db:
                about = checks.About(pipeline_id=claimed.pipeline_id, job_id=said.job_id, summary=said.summary)
                check = await checks.check(db, status, about)
            return await forge.set_check(check)
        except Permanent as problem:
            log.warning("no_checks", forge=forge.name, repository=claimed.full_name, error=str(problem)[:200])
            return {**await forge.set_status(status), "style": "per_target"}
    return await forge.set_status(status)


def _status(deps: Deps, claimed: Claimed, said: Said) -> CommitStatus:
    memory = _remembered(claimed, said)
    return CommitStatus(
        repository=claimed.forge_id,
        full_name=claimed.full_name,
        commit=claimed.commit,
        context=claimed.context,
        state=said.state,
        description=said.description,
        target_url=f"{deps.settings.public_url}{said.page}",
        ref=memory.get("ref"),
        pull_request=memory.get("pull_request"),
        source_repository=memory.get("source_repository"),
        memory=memory,
    )


async def _note_sent(
    deps: Deps, claimed: Claimed, said: Said, memory: dict[str, Any], *, is_taken: bool = False
) -> None:
    """Write down what is shown; the comment of the pull request follows the statuses.

    Args:
        is_taken: the forge took it just now, so that it is no longer one that refuses.
    """
    left_open = memory.pop(LEFT_OPEN, None)
    async with deps.begin() if left_open is not None else deps.in_turn() as db:
        await statuses.sent(db, claimed, said.state.value, said.description, memory, is_taken=is_taken)
        if left_open is not None:
            subject, text = wording.left_open(claimed.full_name, claimed.context, claimed.commit)
            await alerts.raise_(db, alerts.STATUS_LEFT_OPEN, subject, text, repository_id=claimed.repository_id)


async def _refused(deps: Deps, claimed: Claimed, said: Said, reason: str) -> None:
    """Say it in the comment where there is a pull request; else nothing more is tried, and somebody must look."""
    if claimed.memory.get("pull_request") is None:
        await _give_up(deps, claimed, reason)
        return
    log.warning("status_in_comment", status=claimed.id, pipeline=claimed.pipeline_id, reason=reason)
    await _note_sent(deps, claimed, said, {**claimed.memory, "via": IN_THE_COMMENT})


async def _give_up(deps: Deps, claimed: Claimed, reason: str) -> None:
    log.error("status_given_up", status=claimed.id, pipeline=claimed.pipeline_id, reason=reason)
    async with deps.begin() as db:
        await outbox.give_up(db, claimed, reason)
        if not wording.is_used_up(reason):
            subject, text = wording.status_refused(claimed.full_name, reason)
            await alerts.raise_(db, alerts.STATUS_REFUSED, subject, text, repository_id=claimed.repository_id)
