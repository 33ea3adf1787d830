"""What people say of alerts, mutes and annotations, from a command, the API or a page alike."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import Triage
from app.db.queries import shifting
from app.deps import Deps
from app.errors import Conflict, NotFound

__all__ = ["Word", "say"]


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


async def _say(db: AsyncConnection, shift_id: int, word: Word, actor: str) -> None:
    rows = await shifting.locked(db, [shift_id])
    if not rows:
        raise NotFound(f"There is no alert {shift_id}.")
    judged = (await shifting.judge(db, [shift_id]))[shift_id]
    words = {name: value for name in ("reason", "link", "assignee") if (value := getattr(word, name)) is not None}
    await shifting.say(db, rows[0], word.state or rows[0]["state"], judged, actor=actor, **words)
