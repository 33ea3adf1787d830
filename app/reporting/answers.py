"""The sender of reactions and replies to comments: each once, also across a crash, and never before it is owed."""

import asyncio
import hashlib

import sqlalchemy as sa
import structlog

from app.db.queries import alerts, heard
from app.db.queries.heard import Owed
from app.deps import Deps
from app.reporting import wording
from integrations.forge import Forge, Permanent, Reaction, RepositoryFacts, Transient

AT_ONCE = 10  # calls to forges at the same time
SEND_S = heard.CLAIM_S - 3  # seconds for one answer: given up before the claim ends
MOST_TRIES = 60
LONGEST_WAIT_S = 300.0  # between two tries, doubling

log = structlog.get_logger()


async def send_due(deps: Deps) -> int:
    """Send every answer that is owed; return how many were looked at. Several senders share the work."""
    looked_at = 0
    while True:
        async with deps.autocommit() as db:
            owed = await heard.claim_due(db, AT_ONCE)
        await asyncio.gather(*(_answer(deps, each) for each in owed))
        looked_at += len(owed)
        if len(owed) < AT_ONCE:
            return looked_at


async def _answer(deps: Deps, owed: Owed) -> None:
    try:
        async with deps.autocommit() as db:
            repository = await heard.repository(db, owed.repository_id)
        forge = deps.forges.get(repository["forge"])
        if forge is None:
            await _give_up(deps, owed, "its forge is not configured any more")
            return
        async with asyncio.timeout(SEND_S):
            await _send(deps, owed, forge, _facts(repository))
    except (Transient, TimeoutError) as problem:
        await _postpone(deps, owed, problem)
    except Permanent as problem:
        await _give_up(deps, owed, str(problem))
        await _alert(deps, owed, repository["full_name"], str(problem))
    except Exception:  # one answer must not keep the others from going out
        log.exception("answer_failed", heard=owed.id)
        await _postpone(deps, owed, TimeoutError("an error of ours; the log has it"))
    else:
        async with deps.autocommit() as db:
            await heard.settle(db, owed)


async def _send(deps: Deps, owed: Owed, forge: Forge, facts: RepositoryFacts) -> None:
    if owed.reaction is not None:
        await _react(owed, Reaction(owed.reaction), forge, facts)
        async with deps.autocommit() as db:
            await heard.reacted(db, owed)
    if owed.reply is not None:
        await _reply(owed, forge, facts)
        async with deps.autocommit() as db:
            await heard.replied(db, owed)


async def _react(owed: Owed, reaction: Reaction, forge: Forge, facts: RepositoryFacts) -> None:
    try:
        await forge.react(facts, owed.pull_request, owed.key, reaction)
    except Permanent as problem:  # the comment is gone, or takes no reactions: a reply may be owed all the same
        log.info("reaction_refused", heard=owed.id, error=str(problem)[:200])


async def _reply(owed: Owed, forge: Forge, facts: RepositoryFacts) -> None:
    """Write the reply. A try whose end nobody saw may have written it: then it is there, under its mark."""
    digest = hashlib.sha256((owed.reply or "").encode()).hexdigest()[:12]  # a comment may get two different replies
    mark = f"<!-- rigline answers {owed.id} {digest} -->"
    if owed.tries > 1 and await forge.find_comment(facts, owed.pull_request, mark) is not None:
        return
    await forge.comment(facts, owed.pull_request, f"{mark}\n{owed.reply}")


async def _postpone(deps: Deps, owed: Owed, problem: Exception) -> None:
    if owed.tries >= MOST_TRIES:
        await _give_up(deps, owed, str(problem))
        return
    asked = getattr(problem, "retry_after", None)
    wait_s: float = asked if asked is not None else min(2.0**owed.tries, LONGEST_WAIT_S)
    log.warning("answer_postponed", heard=owed.id, wait_s=round(wait_s, 1), error=str(problem)[:200])
    async with deps.autocommit() as db:
        await heard.postpone(db, owed, wait_s)


async def _alert(deps: Deps, owed: Owed, repository: str, reason: str) -> None:
    subject, text = wording.comment_refused(repository, owed.pull_request, reason)
    async with deps.autocommit() as db:
        await alerts.raise_(db, alerts.COMMENT_REFUSED, subject, text, repository_id=owed.repository_id)


async def _give_up(deps: Deps, owed: Owed, reason: str) -> None:
    log.error("answer_given_up", heard=owed.id, reason=reason)
    async with deps.autocommit() as db:
        await heard.give_up(db, owed)


def _facts(repository: sa.RowMapping) -> RepositoryFacts:
    return RepositoryFacts(
        id=repository["forge_id"],
        full_name=repository["full_name"],
        clone_url=repository["clone_url"],
        default_branch=repository["default_branch"],
        private=repository["private"],
        installation=repository["installation_id"],
    )
