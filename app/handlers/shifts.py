"""What people say of alerts, mutes and annotations, from a command, the API or a page alike."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import Triage
from app.db.queries import audit, mutes, shifting
from app.db.queries.mutes import Muted
from app.deps import Deps
from app.errors import Conflict, Invalid, NotFound


@dataclass(frozen=True, kw_only=True)
class Word:
    """What somebody says of an alert. None: as it is."""

    state: Triage | None = None
    reason: str | None = None
    link: str | None = None
    assignee: str | None = None


async def say(deps: Deps, shift_id: int, word: Word, *, actor: str) -> None:
    """Judge an alert, or say who looks after it; the state, the reason and the link hold until the shift grows.

    Raises:
        NotFound: there is no such alert.
        Conflict: only the numbers can say that it recovered.
    """
    if word.state is Triage.RECOVERED:
        raise Conflict("That a level came back is what the measurements say by themselves; say `fixed` instead.")
    async with deps.begin() as db:
        await _say(db, shift_id, word, actor)
    await deps.notices.publish("result")


async def _say(db: AsyncConnection, shift_id: int, word: Word, actor: str) -> None:
    rows = await shifting.locked(db, [shift_id])
    if not rows:
        raise NotFound(f"There is no alert {shift_id}.")
    judged = (await shifting.judge(db, [shift_id]))[shift_id]
    words = {name: value for name in ("reason", "link", "assignee") if (value := getattr(word, name)) is not None}
    await shifting.say(db, rows[0], word.state or rows[0]["state"], judged, actor=actor, **words)


async def mute(deps: Deps, repository_id: int, what: Muted, *, days: float, reason: str, actor: str) -> int:
    """Let something raise no alarm, and fail no status, for a while. Its change points are found all the same.

    Raises:
        Invalid: neither a benchmark nor a type of boards is named.
    """
    if what.benchmark is None and what.board_type is None:
        raise Invalid("Name a benchmark or a type of boards: a whole repository is not muted.")
    async with deps.begin() as db:
        made = await mutes.add(db, repository_id, what, lasts_s=days * 86400, reason=reason, said_by=actor)
        about = ", ".join(value for value in vars(what).values() if value)
        await audit.record(db, "alerts.muted", actor=actor, detail=f"mute {made}: {about}, {days:g} days: {reason}")
    return made


async def unmute(deps: Deps, mute_id: int, *, actor: str) -> None:
    """End a mute now.

    Raises:
        NotFound: there is none that is not over.
    """
    async with deps.begin() as db:
        if not await mutes.end(db, mute_id):
            raise NotFound(f"There is no mute {mute_id} that is not over.")
        await audit.record(db, "alerts.unmuted", actor=actor, detail=f"mute {mute_id}")
