"""Why jobs wait, in a few words for many: one for each thing that may be in the way."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.db.queries.why import NEXT, Waits

_NOBODY = "no board that is registered could run them"
_CAPPED = "their share holds as many boards as it may"
WORDS = {
    NEXT: "their turn is next",
    "trusted": "nobody has approved the commit",
    "wanted": "they are being cancelled",
    "needs": "other jobs of their pipeline come first",
    "type": _NOBODY,
    "board": _NOBODY,
    "configuration": _NOBODY,
    "tags": _NOBODY,
    "further": _NOBODY,
    "facts": _NOBODY,
    "isolation": "no builder keeps strangers' code apart well enough",
    "compares": "no builder can run two commits by turns",
    "alive": "the builder is offline",
    "active": "the builder is paused or drained",
    "healthy": "the board is out for repair",
    "given": "somebody holds the board",
    "further_there": "a further board that they need is away",
    "checked": "the board is about to be checked",
    "rested": "the board is kept back after a lost lease",
    "elsewhere": "another board is tried first after a loss",
    "free": "the boards are busy",
    "further_free": "a further board that they need is busy",
    "reserved": "the board is kept for a job of several boards",
}


@dataclass(frozen=True, kw_only=True)
class ReasonRow:
    """Jobs that wait for the same reason."""

    reason: str
    jobs: int


def words(waits: Waits) -> str:
    """Say it in a few words."""
    return _CAPPED if waits.name.endswith("_cap") else WORDS[waits.name]


def counted(waits: Iterable[Waits]) -> list[ReasonRow]:
    """Count jobs by reason, the most usual first."""
    found: dict[str, int] = {}
    for each in waits:
        found[words(each)] = found.get(words(each), 0) + 1
    ordered = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return [ReasonRow(reason=reason, jobs=jobs) for reason, jobs in ordered]
