"""Who is next: the policy of the line at a type of boards. Pure.

Each function takes numbers, or SQL expressions in their place: claims and the fleet simulator follow the same words.
"""

from collections.abc import Callable, Mapping
from typing import Any

AGEING_S = 30 * 60.0  # waiting so long is worth one class
RESERVE_S = 5 * 60.0  # a job that needs several boards at once has them kept for it when it has waited so long
RANKS: Mapping[str, int] = {
    "release": 0,
    "branch": 1,
    "pull_request": 2,
    "nightly": 3,
}  # classes, the most urgent first


def waits_since(queued: Any, turn: Any, later: Callable[[Any, Any], Any] = max) -> Any:
    """Say since when a job waits for its turn, in the unit and from the zero of what is given.

    Jobs of one class, one share and one type of boards form a line, the oldest in front. Lines take turns: a line that
    got a board waits anew, so that two hundred jobs of one share keep one job of another waiting for one job's length.

    Args:
        queued: when the job was queued.
        turn: when its line last got a board; the same as `queued` if it never did, or if the job is tried again.
        later: the function that gives the later of two.
    """
    return later(queued, turn)


def due(since: Any, rank: Any, class_s: Any = AGEING_S) -> Any:
    """Say where a job that waits since then stands: the smallest is next, and the oldest among equals.

    As this moves with no clock, a job that has waited `class_s` longer than one of the next class stands before it.

    Args:
        since: as `waits_since` gives it.
        rank: of the job's class, by `RANKS`.
        class_s: what one class is worth, in the unit of `since`.
    """
    return since + rank * class_s


def is_full(held: Any, cap: Any) -> Any:
    """Say whether a share that holds so many boards may get no further one. A cap of 0 is none."""
    return (cap > 0) & (held >= cap)


def keeps(waited: Any, due: Any, other: Any) -> Any:
    """Say whether a job that needs several boards at once keeps its boards from another job that is due then.

    It would never find them free together while every job of one board may take one. The one that is due first keeps:
    so two such jobs never keep boards from each other.

    Args:
        waited: seconds since it was queued.
        due: where it stands: (what `due` says of it, its id).
        other: where the other job stands.
    """
    return (waited >= RESERVE_S) & (due < other)
