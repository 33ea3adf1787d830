"""Groups of change points, and what becomes of a group by the numbers alone. Pure; places can be ordered."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

Place = tuple[datetime, int]  # where a commit stands on its branch: when it was made, and its row


@dataclass(frozen=True, kw_only=True)
class Range:
    """A commit range: the cause lies behind `after` and at the latest in `until`."""

    after: Place
    until: Place

    def overlaps(self, other: "Range") -> bool:
        """Tell whether one commit can be the cause of both."""
        return self.after < other.until and other.after < self.until


def joined(ranges: Iterable[Range]) -> Range:
    """Give the commits that can be the cause of all; where refits moved them apart, from the first to the last.

    Raises:
        ValueError: there are no ranges.
    """
    given = list(ranges)
    if not given:
        raise ValueError("a group of change points has at least one range")
    after, until = max(each.after for each in given), min(each.until for each in given)
    if after < until:
        return Range(after=after, until=until)
    return Range(after=min(each.after for each in given), until=max(each.until for each in given))


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the numbers say of a group now. Sizes are relative; more is worse."""

    change_points: int  # that count
    is_worse: bool
    has_recovered: bool  # every one for the worse has, or every one if none is
    worst: float | None  # None: no direction is known of any
    surely: float | None  # by how much it is worse at least, after the tolerance that any estimate is given


class Turn(StrEnum):
    """What the numbers alone do to a group."""

    WITHDRAWN = "withdrawn"  # nothing is left of it
    REOPENED = "reopened"  # it grew beyond what was agreed, came back, or its recovery did not last
    RECOVERED = "recovered"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a group stands: what people said, or the numbers did."""

    is_new: bool
    is_open: bool  # new or acknowledged: somebody has to do something
    by_itself: bool  # its state is the doing of the numbers
    has_recovered: bool  # and that state is "recovered"
    agreed: float | None  # the worst change when it was judged


def turn(standing: Standing, facts: Facts) -> Turn | None:
    """Say what becomes of a group; None if it stays as it is. What a person said holds until it grows."""
    if not facts.change_points:
        return Turn.WITHDRAWN if standing.is_open else None
    if facts.has_recovered:
        can = standing.is_open or (standing.by_itself and not standing.has_recovered)
        return Turn.RECOVERED if can else None
    if standing.is_new:
        return None
    return Turn.REOPENED if standing.by_itself or _has_grown(standing, facts) else None


def _has_grown(standing: Standing, facts: Facts) -> bool:
    return standing.agreed is not None and facts.surely is not None and facts.surely > standing.agreed
