"""Which changes matter, and the verdict on an estimate with its interval. Pure."""

from dataclasses import dataclass

from app.history.ratio import Ratio
from app.history.verdict import Metric, Rule, Verdict

LEAST_FLOOR = 0.01  # relative: nobody is told of less than a percent

Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Matters:
    """Two sizes on the scale of judging, where + is worse."""

    floor: float  # a smaller change is no news
    same: float  # an interval inside of ± this is proved unchanged

    @classmethod
    def of(cls, ratio: Ratio, metric: Metric, rule: Rule) -> "Matters":
        """Take the largest of the user's wish, one step of the tool and one percent."""
        floor = max(rule.floor, ratio.relative(metric.resolution), LEAST_FLOOR)
        return cls(floor=ratio.size(floor), same=ratio.size(max(floor, rule.same_within)))

    def verdict(self, estimate: float, interval: Interval, *, certain: bool) -> Verdict:
        """Give one of the three verdicts, or undecided."""
        low, high = interval
        if certain and low > 0 and estimate >= self.floor:
            return Verdict.REGRESSED
        if certain and high < 0 and estimate <= -self.floor:
            return Verdict.IMPROVED
        return Verdict.UNCHANGED if -self.same < low and high < self.same else Verdict.UNDECIDED


def relative(ratio: Ratio, interval: Interval | None) -> tuple[float | None, float | None]:
    """Turn an interval on the scale into one of the relative change as measured; None and None from zero."""
    ends = [] if interval is None else [ratio.change(end) for end in interval]
    known = sorted(end for end in ends if end is not None)
    return (known[0], known[1]) if known else (None, None)
