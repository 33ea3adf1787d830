"""The change points of one series over time: which known one a new cut is, and whether a level came back. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.history.detector import FLOOR, Cut

SAME_WITHIN = 5  # points: a cut that moves by no more is the same one; also the tolerance by which detectors are scored


@dataclass(frozen=True, kw_only=True)
class Known:
    """A change point as it was found earlier, with its places among the points that are looked at now."""

    id: int
    shift_id: int
    cut: Cut
    is_gone: bool = False  # later points spoke against it


@dataclass(frozen=True, kw_only=True)
class Matched:
    """What became of the known change points of a series."""

    kept: tuple[tuple[Known, Cut], ...]  # also those that were gone and are back
    fresh: tuple[Cut, ...]
    gone: tuple[Known, ...]  # that were not gone yet


def match(known: Sequence[Known], cuts: Sequence[Cut]) -> Matched:
    """Find for each cut the change point that it is: one nearby in the same direction, the nearest first.

    One that counts goes before one that is gone, so that a place that flickers keeps its row and what people said.
    """
    pairs = sorted(
        (each.is_gone, abs(each.cut.index - cut.index), at, row)
        for row, each in enumerate(known)
        for at, cut in enumerate(cuts)
        if abs(each.cut.index - cut.index) <= SAME_WITHIN and _rises(each.cut) == _rises(cut)
    )
    taken: dict[int, int] = {}
    for _, _, at, row in pairs:
        if at not in taken and row not in taken.values():
            taken[at] = row
    return Matched(
        kept=tuple((known[row], cuts[at]) for at, row in sorted(taken.items())),
        fresh=tuple(cut for at, cut in enumerate(cuts) if at not in taken),
        gone=tuple(each for row, each in enumerate(known) if row not in taken.values() and not each.is_gone),
    )


def recovered(cuts: Sequence[Cut], resolution: float = 0.0, floor: float = FLOOR) -> list[bool]:
    """Tell for each cut whether a later level is the old one again: within the floor, or the finest step, of it.

    Args:
        cuts: of one series, in ascending order.
        resolution: the smallest step that the tool can show, in the series' unit.
    """
    return [
        any(abs(later.after - cut.before) <= max(floor * abs(cut.before), resolution) for later in cuts[at + 1 :])
        for at, cut in enumerate(cuts)
    ]


def size(cut: Cut) -> float:
    """Give the relative change as it is stored; from zero, of which nothing can be a part, it counts as 100 %."""
    if cut.change is not None:
        return cut.change
    return 1.0 if cut.after > cut.before else -1.0


def is_worse(cut: Cut, better: str | None) -> bool | None:
    """Tell whether a cut is for the worse; None if no direction is known."""
    return None if better is None else _rises(cut) == (better == "lower")


def _rises(cut: Cut) -> bool:
    return cut.after > cut.before
