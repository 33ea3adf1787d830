"""The verdict on pairs: base and head measured in turn on one board. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.history import ranks
from app.history.arrays import Floats, np
from app.history.matters import Interval, Matters, relative
from app.history.ratio import Ratio
from app.history.robust import median
from app.history.verdict import SAME_BINARY, Finding, Metric, Rule, Verdict

Samples = float | Sequence[float] | None

DEFAULT = Rule()
LEAST_PAIRS = 8  # the first number whose smallest possible p, 2/2^8, is below .01
FEW_VALUES = 3  # so few distinct values have no order to rank
MOST_PAIRS = 1024


def judge(
    pairs: Iterable[tuple[Samples, Samples]], metric: Metric, rule: Rule = DEFAULT, *, same_binary: bool = False
) -> Finding:
    """Judge one metric by its pairs of (base, head), the warm-up pair thrown away.

    Call it at the looks of the rule, and once more instead of the next look when the budget ends: each call may err
    with the chance alpha / number of looks. A side of a pair is one value, or the samples between two flashes, of which
    the median counts. A pair that lacks a side, or has a value that is not finite, is left out.

    Args:
        same_binary: both sides are the same bytes: unchanged, whatever the numbers say.
    Returns:
        `change` is what the middle pair did, `low` … `high` its interval at the level 1 - alpha / number of looks; both
        None where no number can be named: too few pairs for that level, or a change from zero.
    """
    pairs = list(pairs)
    base, head = complete(pairs)
    if not len(base):
        return Finding(verdict=_without_pairs(pairs))
    view = _View.of(base, head, metric, rule)
    if same_binary:
        return view.finding(Verdict.UNCHANGED, SAME_BINARY)
    if metric.better is None:
        return view.finding(Verdict.UNJUDGED, "no direction is known")
    return view.finding(view.verdict(rule), view.coarse)


def complete(pairs: Iterable[tuple[Samples, Samples]]) -> tuple[Floats, Floats]:
    """Keep the pairs with a number on both sides, at most 1,024."""
    both = ((_value(base), _value(head)) for base, head in pairs)
    kept = [pair for pair in both if math.isfinite(pair[0]) and math.isfinite(pair[1])][:MOST_PAIRS]
    made = np.array(kept, dtype=np.float64).reshape(-1, 2)
    return made[:, 0], made[:, 1]


def _value(samples: Samples) -> float:
    if samples is None:
        return math.nan
    if isinstance(samples, int | float):
        return float(samples)
    finite = [sample for sample in samples if math.isfinite(sample)]
    return median(np.array(finite, dtype=np.float64)) if finite else math.nan


def _without_pairs(pairs: Iterable[tuple[Samples, Samples]]) -> Verdict:
    """Say which side is missing."""
    based = any(math.isfinite(_value(base)) for base, _ in pairs)
    return Verdict.REMOVED if based else Verdict.NO_BASELINE


@dataclass(frozen=True)
class _View:
    """The pairs as differences on the scale of judging, where + is worse, and what they estimate."""

    differences: Floats
    ratio: Ratio
    matters: Matters
    coarse: str  # why ranks are not used; "" if they are
    ordered: Floats  # what estimate and interval are picked from: the Walsh averages, or the differences
    cut: int | None  # how many are left off at each end for the interval; None: none at this level
    p: float

    @classmethod
    def of(cls, base: Floats, head: Floats, metric: Metric, rule: Rule) -> "_View":
        ratio = Ratio.of(base, head, metric.better)
        differences = ratio.differences(base, head)
        level = 1 - rule.alpha / len(rule.looks)
        coarse = _coarse(base, head, metric)
        if coarse:
            ordered, cut, p = np.sort(differences), ranks.sign_cut(len(base), level), ranks.sign_p(differences)
        else:
            ordered, cut = walsh_averages(differences), ranks.signed_rank_cut(len(base), level)
            p = ranks.signed_rank_p(differences)
        return cls(differences, ratio, Matters.of(ratio, metric, rule), coarse, ordered, cut, p)

    @property
    def interval(self) -> Interval | None:
        """Give the closed interval: ties only make it surer."""
        return None if self.cut is None else (float(self.ordered[self.cut]), float(self.ordered[-1 - self.cut]))

    def verdict(self, rule: Rule) -> Verdict:
        if len(self.differences) < LEAST_PAIRS:
            return Verdict.UNDECIDED
        if not self.differences.any():
            return Verdict.UNCHANGED
        if self.interval is None:
            return Verdict.UNDECIDED
        certain = self.p <= rule.alpha / len(rule.looks)
        return self.matters.verdict(median(self.ordered), self.interval, certain=certain)

    def finding(self, verdict: Verdict, note: str) -> Finding:
        low, high = relative(self.ratio, self.interval)
        return Finding(
            verdict=verdict,
            change=self.ratio.change(median(self.ordered)),
            low=low,
            high=high,
            p=self.p,
            pairs=len(self.differences),
            note=note,
        )


def walsh_averages(differences: Floats) -> Floats:
    """Give the n(n+1)/2 means of two differences, each with itself too, ascending; their median is Hodges–Lehmann's."""
    first, second = np.triu_indices(len(differences))
    return np.sort((differences[first] + differences[second]) / 2)


def _coarse(base: Floats, head: Floats, metric: Metric) -> str:
    """Say why sizes of differences cannot be ranked: a cap hides them, or there are hardly any values."""
    both = np.concatenate((base, head))
    if metric.cap is not None and (np.abs(both - metric.cap) <= _reach(metric.cap, metric.resolution)).any():
        return f"capped at {metric.cap:g}"
    return "few distinct values" if len(np.unique(both)) <= FEW_VALUES else ""


def _reach(cap: float, resolution: float) -> float:
    """Say how near to the cap a value is at it."""
    return max(resolution / 2, abs(cap) * 1e-9)
