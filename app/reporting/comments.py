"""The sender of comments: one on each pull request, edited in place, never a second one."""

import asyncio
import hashlib

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import alerts, conversations, outbox
from app.db.queries.conversations import UNWANTED, Claimed, PipelineLine
from app.deps import Deps
from app.reporting import comment_text, comment_view, verdict_status, wording
from app.reporting.comment_jobs import MOST_ROWS
from app.reporting.comment_text import MOST_EARLIER
from app.reporting.comment_view import Against, CommentView
from app.reporting.outbox import SEND_S, drain, is_final, postpone
from app.results import verdicts
from integrations.forge import Forge, Permanent, Transient

EDIT_EVERY_S = 10.0  # a comment is no log: what changes meanwhile is one edit
MOST_PIPELINES, MOST_ASKED = 10, 3  # of one commit; who asks for more of them looks at the pages

log = structlog.get_logger()


async def send_due(deps: Deps) -> int:
    """Write or edit every comment that is due; return how many were looked at. Several senders share the work."""
    return await drain(deps, conversations.claim_due, _converge)


async def _converge(deps: Deps, claimed: Claimed) -> None:
    """Write the text anew, bring it to the forge if it is news, and note how far that got."""
    async with deps.autocommit() as db:
        view = await _view(db, deps, claimed)
    if view is None or (claimed.comment_id is None and not comment_view.is_wanted(view)):
        await _note_sent(deps, claimed, None)
        return
    text = comment_text.text(view)
    digest = hashlib.sha256(text.encode()).digest()
    if digest == claimed.sent_sha256:
        await _note_sent(deps, claimed, digest)
    else:
        await _send(deps, claimed, text, view.mark, digest)


async def _view(db: AsyncConnection, deps: Deps, claimed: Claimed) -> CommentView | None:
    head = await conversations.head(db, claimed.repository_id, claimed.pull_request)
    lines = await conversations.pipelines_of(db, claimed.repository_id, claimed.pull_request)
    if not lines:
        return None
    commit = head if any(each.commit == head for each in lines) else lines[0].commit
    current = _current([each for each in lines if each.commit == commit])
    earlier = _one_each([each for each in lines if each.commit != commit])[:MOST_EARLIER]
    jobs = await conversations.jobs_of(db, [each.id for each in current], 2 * MOST_ROWS)
    jobs += await conversations.jobs_of(db, [each.id for each in earlier], 10 * MOST_ROWS)
    against = await _against(db, deps, claimed, commit or "")
    secret = deps.settings.secret_key.get_secret_value()
    return CommentView(
        mark=comment_text.mark(secret, claimed.forge_id, claimed.pull_request),
        public_url=deps.settings.public_url,
        head=head,
        commit=commit or "",
        current=tuple(comment_view.grouped(current, jobs)),
        earlier=tuple(comment_view.grouped(earlier, jobs)),
        against=against,
        prefix=deps.settings.command_prefix,
    )


async def _against(db: AsyncConnection, deps: Deps, claimed: Claimed, commit: str) -> tuple[Against, ...]:
    """Read what the commit was held against; a comparison that was not judged yet says nothing."""
    found = await verdicts.of_pull_request(db, claimed.repository_id, claimed.pull_request, commit)
    url = deps.settings.public_url
    return tuple(
        Against(view=each, page=f"{url}{verdict_status.address(claimed.forge, claimed.full_name, each)}")
        for each in found
        if each.verdict is not None
    )


def _current(lines: list[PipelineLine]) -> list[PipelineLine]:
    """Keep what counts of a commit: the newest pipeline of each rule, and the newest few that people asked for."""
    of_rules = {each.rule: each.id for each in reversed(lines) if not each.is_command}
    asked = [each.id for each in lines if each.is_command][:MOST_ASKED]
    return [each for each in lines if each.id in {*of_rules.values(), *asked}][:MOST_PIPELINES]


def _one_each(lines: list[PipelineLine]) -> list[PipelineLine]:
    """Keep the newest pipeline of each commit."""
    return list({each.commit: each for each in reversed(lines)}.values())[::-1]


async def _send(deps: Deps, claimed: Claimed, text: str, mark: str, digest: bytes) -> None:
    forge = deps.forges.get(claimed.forge)
    if forge is None:
        await _give_up(deps, claimed, f"forge {claimed.forge} is not configured")
        return
    try:
        async with asyncio.timeout(SEND_S):
            is_there = await _bring(deps, forge, claimed, text, mark)
    except (Transient, TimeoutError) as problem:
        await postpone(deps, claimed, problem)
    except Permanent as problem:
        if await is_final(deps, claimed, problem):
            await _give_up(deps, claimed, str(problem))
    else:
        await (_note_sent(deps, claimed, digest) if is_there else _leave(deps, claimed))


async def _bring(deps: Deps, forge: Forge, claimed: Claimed, text: str, mark: str) -> bool:
    """Edit our comment, or write it; False if somebody deleted it for the second time."""
    if claimed.comment_id is not None:
        if await forge.edit_comment(claimed.facts(), claimed.pull_request, claimed.comment_id, text):
            return True
        if claimed.recreated:
            return False
        await _write(deps, forge, claimed, text, recreated=True)
        return True
    # A try before this one may have written it, and then died or never heard the answer.
    ours = await forge.find_comment(claimed.facts(), claimed.pull_request, mark)
    if ours is not None and await forge.edit_comment(claimed.facts(), claimed.pull_request, ours, text):
        async with deps.begin() as db:
            await conversations.wrote(db, claimed, ours, recreated=claimed.recreated)
        return True
    await _write(deps, forge, claimed, text, recreated=claimed.recreated)
    return True


async def _write(deps: Deps, forge: Forge, claimed: Claimed, text: str, *, recreated: bool) -> None:
    """Forget the deleted one first, so that a crash in between leads to a search."""
    if recreated and not claimed.recreated:
        async with deps.begin() as db:
            await conversations.wrote(db, claimed, None, recreated=True)
    written = await forge.comment(claimed.facts(), claimed.pull_request, text)
    subject, _ = wording.comment_refused(claimed.full_name, claimed.pull_request, "")
    async with deps.begin() as db:
        await conversations.wrote(db, claimed, written, recreated=recreated)
        await alerts.resolve(db, alerts.COMMENT_REFUSED, subject)


async def _note_sent(deps: Deps, claimed: Claimed, digest: bytes | None) -> None:
    async with deps.begin() as db:
        await conversations.sent(db, claimed, digest, EDIT_EVERY_S if digest else 0.0)


async def _leave(deps: Deps, claimed: Claimed) -> None:
    log.info("comment_unwanted", repository=claimed.full_name, pull_request=claimed.pull_request)
    async with deps.begin() as db:
        await outbox.give_up(db, claimed, UNWANTED)


async def _give_up(deps: Deps, claimed: Claimed, reason: str) -> None:
    log.error("comment_given_up", repository=claimed.full_name, pull_request=claimed.pull_request, reason=reason)
    async with deps.begin() as db:
        await outbox.give_up(db, claimed, reason)
        subject, text = wording.comment_refused(claimed.full_name, claimed.pull_request, reason)
        await alerts.raise_(db, alerts.COMMENT_REFUSED, subject, text, repository_id=claimed.repository_id)
