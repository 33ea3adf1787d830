"""Carry out the commands of a comment: all are allowed and checked before the first one does anything."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from app.db.queries import heard
from app.handlers.commands import accepting, telling, upkeep, work
from app.handlers.commands.scene import RIGHT, Refused, Scene, Step
from app.handlers.commands.verbs import RULES, Command, Verb
from app.reporting import replies

FOR_WRITERS = {Verb.APPROVE, Verb.REVOKE, Verb.ACCEPT}
FOR_AUTHORS = {Verb.RUN, Verb.BUILD, Verb.COMPARE, Verb.RETRY}  # of what somebody trusted; `subject` sees to that

PREPARE: Mapping[Verb, Callable[[Command, int, Scene], Awaitable[Step]]] = {
    Verb.RUN: work.prepare,
    Verb.BUILD: work.prepare,
    Verb.COMPARE: work.prepare,
    Verb.RETRY: upkeep.prepare_retry,
    Verb.CANCEL: upkeep.prepare_cancel,
    Verb.APPROVE: upkeep.prepare_approve,
    Verb.REVOKE: upkeep.prepare_revoke,
    Verb.ACCEPT: accepting.prepare,
    Verb.STATUS: telling.prepare_status,
    Verb.HELP: telling.prepare_help,
}


async def carry_out(commands: Sequence[Command], scene: Scene) -> None:
    """Carry out what no earlier try did, in order; what is to be said in the end is kept with the comment.

    Raises:
        Refused: one of them cannot be; then none was.
        Transient: the forge does not say; what is done stays done.
    """
    for command in commands:
        _allow(command, scene)
    done = scene.hearing.carried_out
    steps = [
        (index, await PREPARE[each.verb](each, index, scene)) for index, each in enumerate(commands) if index >= done
    ]
    for index, step in steps:
        note = await step()
        async with scene.deps.begin() as db:
            await heard.progress(db, scene.hearing.id, index + 1, note)


def _allow(command: Command, scene: Scene) -> None:
    """Check the right that a verb needs at least; some check more."""
    if scene.may_write or command.verb not in FOR_WRITERS | FOR_AUTHORS:
        return
    if command.verb in FOR_WRITERS or not scene.is_author:
        raise Refused(replies.not_allowed(command.verb, RULES[command.verb].who), kind=RIGHT)
