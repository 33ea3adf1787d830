"""What came of holding a commit against its baseline: one view for page, comment, status, JSON and command. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.history.verdict import DECIDED, Rule, Verdict

WORST = 3  # rows that are named first
# The order in which rows are read, and what the whole is called: the first that any row says.
ORDER = (
    Verdict.REGRESSED,
    Verdict.FAILED,
    Verdict.IMPROVED,
    Verdict.UNDECIDED,
    Verdict.UNCHANGED,
    Verdict.NO_BASELINE,
    Verdict.ONCE,
    Verdict.UNJUDGED,
    Verdict.REMOVED,
    Verdict.NEW,
    Verdict.SKIPPED,
)
# With a number for the change. All others are states of their own, without one.
WITH_CHANGE = DECIDED | {Verdict.UNDECIDED, Verdict.ONCE, Verdict.UNJUDGED}

_LOOKS = {Verdict.REGRESSED: "looks worse", Verdict.IMPROVED: "looks better"}


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """Somebody took a regression knowingly, or muted it."""

    why: str  # such as "accepted by ann"; in words of anybody
    reason: str = ""
    change: float | None = None  # relative, as measured then; None: of any size


@dataclass(frozen=True, kw_only=True)
class ComparedRow:
    """One metric of a target. Relative numbers are of head to base as measured: 0.05 is five percent more."""

    identity: str  # as of a series
    benchmark: str
    params: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""
    metric: str
    unit: str = ""
    better: str | None = None
    verdict: Verdict
    base: float | None = None  # medians of the pairs, in the unit
    head: float | None = None
    change: float | None = None
    low: float | None = None  # interval of the change
    high: float | None = None
    p: float | None = None
    pairs: int = 0
    fails: bool = False  # bad and certain enough to fail a status, and nobody accepted it
    accepted: Accepted | None = None
    note: str = ""
    resolution: float | None = None  # the smallest step that the tool shows, in the unit
    cap: float | None = None  # a value that cannot be passed
    base_values: tuple[float, ...] = ()  # medians of each pair; only where they were asked for
    head_values: tuple[float, ...] = ()

    @property
    def size(self) -> float:
        """Give the change relative to what noise could do to it: the half of its interval. 0 without a change.

        Both in logarithms, so that a halving is as large as a doubling. A change without an interval, or
        with one of no width, counts as the largest or as one half of its noise.
        """
        if self.change is not None and self.change <= -1.0:
            return math.inf
        moved = _log(self.change)
        if not moved:
            return 0.0
        low, high = _log(self.low), _log(self.high)
        if low is None or high is None:
            return 0.5
        return abs(moved) / ((high - low) / 2) if high > low else math.inf


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What is counted over all rows of a comparison, also those that are not shown."""

    counts: Mapping[Verdict, int] = field(default_factory=dict)
    logs: float = 0.0  # sum of ln(worse) over the rows of the mean; above 0 is worse
    in_mean: int = 0  # rows of the mean: both sides were measured, and it is known which way is worse

    @property
    def ratio(self) -> float | None:
        """Give the geometric mean of head to base; above 1 is worse. None if nothing has both sides."""
        return math.exp(self.logs / self.in_mean) if self.in_mean else None

    @property
    def verdict(self) -> Verdict | None:
        """Say in one word what the rows say together; None if there is none."""
        return next((each for each in ORDER if self.counts.get(each)), None)


@dataclass(frozen=True, kw_only=True)
class ComparedTarget:
    """One comparison: a board type with a configuration."""

    comparison_id: int
    pipeline_id: int
    job_id: int
    pull_request: int | None = None
    board_type: str
    configuration: str
    board: str | None = None  # that measured both sides
    is_interleaved: bool  # else both sides come from jobs of their own: shown, never a reason to fail
    is_over: bool  # no more pairs come
    pairs: int = 0
    looks: int = 0
    same_binary: bool = False  # both commits gave the very same firmware
    verdict: Verdict | None = None
    counts: Mapping[Verdict, int] = field(default_factory=dict)
    ratio: float | None = None  # geometric mean; above 1 is worse
    in_mean: int = 0
    fails: bool = False
    accepted: int = 0  # regressions that somebody took
    rows: tuple[ComparedRow, ...] = ()  # by verdict, then by size, the largest first
    left_out: int = 0  # rows that are counted and not listed


@dataclass(frozen=True, kw_only=True)
class Worst:
    """A row to look at first, and where it was measured."""

    board_type: str
    configuration: str
    row: ComparedRow


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """A commit held against its baseline on all targets."""

    base: str
    base_why: str = ""  # how it was found, such as "merge base with main"
    head: str
    verdict: Verdict | None = None  # of the whole; None: nothing was compared yet
    counts: Mapping[Verdict, int] = field(default_factory=dict)  # of rows, over all targets
    ratio: float | None = None  # geometric mean over all targets; above 1 is worse
    in_mean: int = 0
    fails: bool = False  # a status fails with it, where the repository asks for that
    accepted: int = 0
    is_over: bool = True  # of all targets
    targets: tuple[ComparedTarget, ...] = ()
    worst: tuple[Worst, ...] = ()  # certain changes, regressions first, at most `WORST`


def tally(rows: Iterable[ComparedRow]) -> Tally:
    """Count rows that are all there."""
    counts: dict[Verdict, int] = {}
    logs: list[float] = []
    for row in rows:
        counts[row.verdict] = counts.get(row.verdict, 0) + 1
        moved = worse_log(row)
        if moved is not None and row.verdict in WITH_CHANGE:
            logs.append(moved)
    return Tally(counts=_ordered(counts), logs=math.fsum(logs), in_mean=len(logs))


def worse_log(row: ComparedRow) -> float | None:
    """Give the logarithm of head to base, above 0 if head is worse; None without a change or a direction."""
    moved = _log(row.change)
    if moved is None or row.better not in ("lower", "higher"):
        return None
    return moved if row.better == "lower" else -moved


def accept(row: ComparedRow, said: Sequence[Accepted], floor: float = Rule().floor) -> ComparedRow:
    """Take a regression as accepted where a person took it, unless it has grown since.

    Args:
        said: of this row, the oldest first.
        floor: relative; what a row is worse by less, or by less than the finest step, is no growth.
    """
    if row.verdict is not Verdict.REGRESSED:
        return row
    holding = next((each for each in reversed(said) if not _has_grown(row, each.change, floor)), None)
    return row if holding is None else replace(row, accepted=holding, fails=False)


def _has_grown(row: ComparedRow, agreed: float | None, floor: float) -> bool:
    """Judge a regression against what was accepted instead of against none: surely worse, and by enough to matter."""
    before = _worse(agreed, row.better)
    if math.isinf(before):
        return False
    finest = row.resolution / abs(row.base) if row.resolution and row.base else 0.0
    surely = _worse(row.low if row.better == "lower" else row.high, row.better)
    return _worse(row.change, row.better) > before + math.log1p(max(floor, finest)) and surely > before


def _worse(change: float | None, better: str | None) -> float:
    """Give the logarithm of a ratio, above 0 if worse; what has none, as from or to zero, is worse than anything."""
    moved = _log(change)
    if moved is None:
        return math.inf
    return moved if better == "lower" else -moved


def worse(row: ComparedRow) -> float:
    """Give the relative change signed so that more is worse; what has none, as from zero, is worse than anything."""
    if row.change is None:
        return math.inf
    return row.change if row.better == "lower" else -row.change


def target(found: ComparedTarget, rows: Iterable[ComparedRow], counted: Tally) -> ComparedTarget:
    """Complete a target with its rows and what they say; sides measured apart give hints, and never fail anything.

    Args:
        counted: over all rows, of which `rows` may be the foremost only.
    """
    listed = in_order(rows if found.is_interleaved else map(hinted, rows))
    counts = _ordered(counted.counts if found.is_interleaved else _hints(counted.counts))
    return replace(
        found,
        rows=listed,
        verdict=replace(counted, counts=counts).verdict,
        counts=counts,
        ratio=counted.ratio,
        in_mean=counted.in_mean,
        fails=any(each.fails for each in listed),
        accepted=sum(each.accepted is not None for each in listed),
        left_out=max(0, sum(counts.values()) - len(listed)),
    )


def hinted(row: ComparedRow) -> ComparedRow:
    """Take the certainty from a row whose sides were measured apart.

    Identical programs, run one after the other, look different in 30 to 70 of 100 cases: what changed on the board in
    between is taken for the commit's doing. So what they would say together is only how it looks.
    """
    if row.verdict not in DECIDED:
        return replace(row, fails=False)
    note = ", ".join(each for each in (_LOOKS.get(row.verdict, ""), row.note) if each)
    return replace(row, verdict=Verdict.UNDECIDED, note=note, fails=False, accepted=None)


def _hints(counts: Mapping[Verdict, int]) -> dict[Verdict, int]:
    hints = sum(counts.get(each, 0) for each in (*DECIDED, Verdict.UNDECIDED))
    others = {each: number for each, number in counts.items() if each not in DECIDED}
    return {**others, Verdict.UNDECIDED: hints}


def whole(base: str, base_why: str, head: str, targets: Sequence[ComparedTarget]) -> Verdicts:
    """Say what all targets say together. The order is that of board types and configurations."""
    targets = sorted(targets, key=lambda each: (each.board_type, each.configuration, each.comparison_id))
    counts = {verdict: sum(each.counts.get(verdict, 0) for each in targets) for verdict in ORDER}
    logs = math.fsum(each.in_mean * math.log(each.ratio) for each in targets if each.ratio)
    together = Tally(counts=_ordered(counts), logs=logs, in_mean=sum(each.in_mean for each in targets))
    return Verdicts(
        base=base,
        base_why=base_why,
        head=head,
        verdict=together.verdict,
        counts=together.counts,
        ratio=together.ratio,
        in_mean=together.in_mean,
        fails=any(each.fails for each in targets),
        accepted=sum(each.accepted for each in targets),
        is_over=all(each.is_over for each in targets),
        targets=tuple(targets),
        worst=_worst(targets),
    )


def only(verdicts: Verdicts, board_type: str, configuration: str) -> Verdicts:
    """Give what one target says, for a status of its own."""
    mine = [each for each in verdicts.targets if (each.board_type, each.configuration) == (board_type, configuration)]
    return whole(verdicts.base, verdicts.base_why, verdicts.head, mine)


def in_order(rows: Iterable[ComparedRow]) -> tuple[ComparedRow, ...]:
    """Sort rows by verdict, then by size relative to their noise, then by name."""
    return tuple(sorted(rows, key=_key))


def _key(row: ComparedRow) -> tuple[Any, ...]:
    is_accepted = row.accepted is not None
    return (ORDER.index(row.verdict), is_accepted, -row.size, row.benchmark, row.metric, row.identity)


def _worst(targets: Sequence[ComparedTarget]) -> tuple[Worst, ...]:
    """Name the first rows that are certain; without a regression the improvements are the news."""
    found = [
        Worst(board_type=each.board_type, configuration=each.configuration, row=row)
        for each in targets
        for row in each.rows
        if row.verdict in (Verdict.REGRESSED, Verdict.IMPROVED)
    ]
    return tuple(sorted(found, key=lambda each: _key(each.row))[:WORST])


def _ordered(counts: Mapping[Verdict, int]) -> dict[Verdict, int]:
    return {verdict: counts[verdict] for verdict in ORDER if counts.get(verdict)}


def _log(change: float | None) -> float | None:
    """Take the logarithm of a ratio; None where it has none, as of a value that fell to 0 or changed its sign."""
    if change is None or not math.isfinite(change) or change <= -1.0:
        return None
    return math.log1p(change)
