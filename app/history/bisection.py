"""Which commit to try next, until one is left of those that may have shifted a level. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Tried(StrEnum):
    """What a commit turned out to have, held against the last one that is known to be good."""

    OLD = "old"  # the level from before
    NEW = "new"  # the shifted level
    UNKNOWN = "unknown"  # it could not be built, or not be told apart


@dataclass(frozen=True, kw_only=True)
class Rest:
    """What is left of a range of commits."""

    old: int  # the newest commit that has the old level; -1: only the one before the range
    new: int  # the oldest that has the new one
    next: int | None  # to be tried now; None: nothing more can be told
    between: tuple[int, ...] = ()  # commits from which nothing could be told, any of which may be it too

    @property
    def is_found(self) -> bool:
        """Tell whether exactly one commit is left."""
        return self.next is None and not self.between


def narrow(commits: int, tried: Mapping[int, Tried]) -> Rest:
    """Halve the range between old and new; commits that tell nothing are passed over.

    Args:
        commits: how many there are, in the order of history; the last one is known to have the new level.
        tried: what came out so far, by the commits' places.
    Returns:
        The commit to try is the untried one that is nearest to the middle; of two, the older one. So a range of n
        commits needs log2(n) tries, and one more for each that tells nothing.
    Raises:
        ValueError: there are no commits.
    """
    if commits < 1:
        raise ValueError("a range has at least one commit")
    new = min([place for place, found in tried.items() if found is Tried.NEW], default=commits - 1)
    old = max([place for place, found in tried.items() if found is Tried.OLD and place < new], default=-1)
    inside = range(old + 1, new)
    untried = [place for place in inside if place not in tried]
    middle = (old + new) / 2
    chosen = min(untried, key=lambda place: abs(place - middle), default=None)
    return Rest(old=old, new=new, next=chosen, between=tuple(inside) if chosen is None else ())


def spread(commits: int, wanted: int) -> list[int]:
    """Choose commits of a range at even distances, so that what is measured at them narrows it the most.

    Args:
        commits: how many untested ones there are.
        wanted: at most so many are chosen.
    """
    if wanted >= commits:
        return list(range(commits))
    return sorted({round((number + 1) * (commits + 1) / (wanted + 1)) - 1 for number in range(wanted)})
