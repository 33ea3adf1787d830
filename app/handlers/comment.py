"""Somebody wrote on a pull request: an approving review, commands, or nothing that concerns us."""

import re
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import audit, heard
from app.db.queries.heard import Hearing
from app.deps import Deps
from app.handlers import approval
from app.handlers.commands import grammar
from app.handlers.commands.carry_out import carry_out
from app.handlers.commands.scene import CLOSED, FORGE, QUOTA, RIGHT, WRONG, Refused, Scene
from app.handlers.commands.verbs import Command, Wrong
from app.handlers.occasion import Occasion
from app.reporting import replies
from integrations.events import CommentPosted
from integrations.forge import ForgeError, Permanent, Permission, PullRequestFacts, Reaction, Transient

OURS = "<!-- rigline"  # how every comment of ours begins, whatever account we write as
QUOTA_PER_HOUR = 20  # commands of one person in a repository
HOUR_S = timedelta(hours=1).total_seconds()
_MENTION = re.compile(r"^\W{0,10}@\w", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Understood:
    """The commands of a comment, or what is wrong with them."""

    commands: tuple[Command, ...] = ()
    problem: str | None = None


async def on_comment(event: CommentPosted, occasion: Occasion, deps: Deps) -> str:
    """Take an approving review as an approval, and carry out the commands of a comment: once, and all or none.

    Raises:
        Transient: the forge does not say who may do what; nothing was done, and it is asked again.
    """
    ignored = _ignored(event)
    if ignored is not None:
        return ignored
    reviewed = [await approval.by_review(event, occasion, deps)] if event.approves else []
    said = await _understand(event, occasion, deps)
    commanded = [await _obey(said, event, occasion, deps)] if said else []
    return "; ".join([*reviewed, *commanded]) or "no commands in it"


def _ignored(event: CommentPosted) -> str | None:
    if event.is_bot or event.text.startswith(OURS):
        return "written by a bot: no commands in it"
    if event.sender.id != event.author.id:
        return "not sent by its writer: no commands in it"
    return "confidential: not to be answered in public" if event.is_confidential else None


async def _understand(event: CommentPosted, occasion: Occasion, deps: Deps) -> Understood | None:
    """Read the commands; None if there are none, nor anything that should be one."""
    names = await _names(event, occasion)
    try:
        found = grammar.commands(event.text, prefix=deps.settings.command_prefix, names=names)
    except Wrong as problem:
        return Understood(problem=str(problem))
    return Understood(commands=tuple(found)) if found else None


async def _names(event: CommentPosted, occasion: Occasion) -> list[str]:
    """Name our own account, if the comment mentions any; without an answer there is only the prefix."""
    if not _MENTION.search(event.text):
        return []
    try:
        ours = await occasion.forge.whoami()
    except ForgeError:
        return []
    return [ours.name.removesuffix("[bot]")] if ours and ours.name else []


async def _obey(said: Understood, event: CommentPosted, occasion: Occasion, deps: Deps) -> str:
    async with deps.begin() as db:
        hearing = await heard.hear(
            db,
            repository_id=occasion.repository_id,
            key=event.key,
            pull_request=event.number,
            comment_id=event.comment,
            actor=event.author.name,
            actor_id=event.author.id,
            verbs=[each.verb.value for each in said.commands],
            reaction=Reaction.SEEN.value,
            delivery_id=occasion.delivery_id,
        )
    if hearing.is_done:
        return "these commands were heard before"
    try:  # the reaction goes out while the forge is asked
        verdict = await _carry_out(said, hearing, event, occasion, deps)
    except Refused as refused:
        verdict = await _refuse(refused, hearing, event, occasion, deps)
    except Transient:
        async with deps.begin() as db:
            await heard.tell_to_wait(db, hearing.id, replies.waiting())
        raise
    except Permanent:  # the delivery says which
        await _refuse(Refused(replies.refused(), kind=FORGE), hearing, event, occasion, deps)
        raise
    return verdict


async def _carry_out(said: Understood, hearing: Hearing, event: CommentPosted, occasion: Occasion, deps: Deps) -> str:
    await _check_quota(event, occasion, deps)
    may_write = await _may_write(event, occasion)
    if said.problem is not None:
        raise Refused(replies.wrong(said.problem), kind=WRONG if may_write else RIGHT)
    pull = await _pull(event, occasion)
    async with deps.begin() as db:
        head = await heard.keep_head(db, hearing.id, pull.head)
    scene = Scene(event=event, occasion=occasion, deps=deps, hearing=hearing, pull=pull, head=head, may_write=may_write)
    await carry_out(said.commands, scene)
    verdict = f"carried out: {', '.join(each.verb for each in said.commands)}"
    async with deps.begin() as db:
        await heard.finish(db, hearing.id, verdict)
        await _audit(db, "command.carried_out", verdict, event, occasion)
    return verdict


async def _check_quota(event: CommentPosted, occasion: Occasion, deps: Deps) -> None:
    async with deps.begin() as db:
        used = await heard.used(db, occasion.repository_id, event.author.id, HOUR_S)
    if used > QUOTA_PER_HOUR:
        raise Refused(replies.over_quota(QUOTA_PER_HOUR), kind=QUOTA)


async def _may_write(event: CommentPosted, occasion: Occasion) -> bool:
    """Ask the forge live, by the account's number. A refusal to answer is no."""
    try:
        return await occasion.forge.permission(occasion.facts(), event.author) >= Permission.WRITE
    except Permanent:
        return False


async def _pull(event: CommentPosted, occasion: Occasion) -> PullRequestFacts:
    """Ask how the pull request is now: a comment's delivery need not name the head."""
    if not event.is_open:
        raise Refused(replies.closed(), kind=CLOSED)
    pull = await occasion.forge.pull_request(occasion.facts(), event.number)
    if pull is None:
        raise Refused(replies.gone(event.number), kind=CLOSED)
    if not pull.is_open:
        raise Refused(replies.closed(), kind=CLOSED)
    return pull


async def _refuse(refused: Refused, hearing: Hearing, event: CommentPosted, occasion: Occasion, deps: Deps) -> str:
    """End a comment without having done anything; who was told before gets no second reply."""
    reaction = None if refused.kind == WRONG else Reaction.REFUSED.value
    async with deps.begin() as db:
        await heard.lock_actor(db, event.author.id)
        told = await _was_told(refused, db, event, occasion)
        verdict = f"{refused.kind}{' again' if told else ''}: {refused}"
        await heard.finish(db, hearing.id, verdict, reply="" if told else str(refused), reaction=reaction)
        await _audit(db, "command.refused", verdict, event, occasion)
    return verdict


async def _was_told(refused: Refused, db: AsyncConnection, event: CommentPosted, occasion: Occasion) -> bool:
    """Who may write hears every mistake; all else is said once: on a pull request, or within an hour."""
    if refused.kind == WRONG:
        return False
    said, mine = f"{refused.kind}:", {"actor_id": event.author.id}
    if refused.kind == QUOTA:
        return await heard.was_told(db, occasion.repository_id, said, **mine, seconds=HOUR_S)
    return await heard.was_told(db, occasion.repository_id, said, **mine, pull_request=event.number)


async def _audit(db: AsyncConnection, action: str, verdict: str, event: CommentPosted, occasion: Occasion) -> None:
    name = occasion.repository["full_name"]
    detail = f"{name} pull request {event.number}, {event.key}, account {event.author.id}: {verdict}"
    await audit.record(db, action, actor=event.author.name, detail=detail)
