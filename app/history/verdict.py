"""The words of judging: what can be said of one metric held against its baseline. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What is known of a head's metric beside its baseline's."""

    REGRESSED = "regressed"  # certainly worse, and by enough to matter
    IMPROVED = "improved"
    UNCHANGED = "unchanged"  # proved: the interval lies inside of what does not matter
    UNDECIDED = "undecided"  # more pairs are needed, and there were none
    NO_BASELINE = "no_baseline"  # the base was not measured: no change can be named
    NEW = "new"  # the base was measured and does not know this benchmark
    REMOVED = "removed"  # the head does not know it any more
    FAILED = "failed"  # one of both sides says that it failed
    SKIPPED = "skipped"
    ONCE = "measured_once"  # no pairs: shown beside the history, never judged
    UNJUDGED = "unjudged"  # no direction is known, or the board is too noisy to say anything


SAME_BINARY = "same binary"  # notes that other parts look for
NOT_INTERLEAVED = "not interleaved"
DECIDED = frozenset({Verdict.REGRESSED, Verdict.IMPROVED, Verdict.UNCHANGED})


class Better(StrEnum):
    """The direction of a metric."""

    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What must be known of a metric to judge it."""

    better: Better | None  # None: shown, never judged
    resolution: float = 0.0  # the smallest step of the tool, in the unit of the values; 0 if it is not known
    cap: float | None = None  # a value that cannot be passed


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How strictly is judged. One set of defaults serves all; a repository may only widen `floor`."""

    floor: float = 0.01  # relative; a smaller change is none
    same_within: float = 0.02  # relative; an interval inside of ± this is proved unchanged
    alpha: float = 0.01  # two-sided, of one metric, all looks together
    looks: tuple[int, ...] = (8, 16, 32, 64)  # pairs, without the warm-up pair
    list_rate: float = 0.05  # false discoveries among the rows that a page lists as changed
    status_alpha: float = 0.01  # chance that an unchanged commit is failed, over all rows and looks
    screen_from: int = 20  # rows: with fewer, correcting for all costs less than 8 pairs spent on finding suspects


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What came of judging one metric. Relative numbers are of head to base as measured: 0.05 is five percent more."""

    verdict: Verdict
    change: float | None = None
    low: float | None = None  # interval of the change at the level 1 - alpha / number of looks; None: too few pairs
    high: float | None = None
    p: float | None = None  # two-sided, of this metric and look alone, before any adjustment
    adjusted: float | None = None  # p after paying for the looks and for all rows of the comparison
    pairs: int = 0  # that were judged
    fails: bool = False  # bad and certain enough to fail a status, all metrics of the comparison considered
    note: str = ""  # such as "same binary", "capped at 61", "measured once"
