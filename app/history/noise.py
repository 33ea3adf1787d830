"""How noisy one benchmark is on one board, from pairs of the same binary, and what can be judged with that. Pure."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from app.history import ranks
from app.history.matters import LEAST_FLOOR
from app.history.paired import LEAST_PAIRS, Samples, complete
from app.history.ratio import Ratio
from app.history.robust import median, spread
from app.history.verdict import Finding, Metric, Verdict

MOST_PAIRS = 64  # the last look
SIGMAS_FOR_PROOF = 3.2  # half the 99 % interval of n pairs is 3.2 sigma / √n
MOST_ROOT = 30_000.0  # nobody waits for its square in pairs
RECENT = 64  # pairs that say how the board is now
ROUNDING = math.sqrt(6)  # the difference of two rounded values has a sigma of one step / √6
SURE = 3.29  # sigmas: p = .001


@dataclass(frozen=True, kw_only=True)
class PairNoise:
    """What pairs of the same binary say of one benchmark on one board. Sizes are relative."""

    pairs: int
    sigma: float | None = None  # of one pair, robust; None with fewer than 8 pairs
    recent: float | None = None  # the same of the last 64 pairs
    drift: float | None = None  # recent / earlier: 2.0 is twice as noisy as before; None without 8 earlier pairs
    drifts: bool = False  # the drift is certain, at p = .001
    bias: float | None = None  # what the second binary seems to cost, although it is the first one
    biased: bool = False  # the bias is certain, at p = .001: the order of a pair leaks into the result
    needed: int | None = None  # pairs to prove or refute the smallest change that matters
    too_noisy: bool = False  # more than the last look has


def pair_noise(pairs: Iterable[tuple[Samples, Samples]], metric: Metric, *, delta: float = LEAST_FLOOR) -> PairNoise:
    """Measure the noise of pairs of the same binary.

    Args:
        pairs: both values of each pair, the oldest pair first.
        delta: relative change that is to be judged; never less than one percent or one step of the tool.
    """
    first, second = complete(pairs)
    if len(first) < LEAST_PAIRS:
        return PairNoise(pairs=len(first))
    ratio = Ratio.of(first, second, metric.better)
    differences = ratio.differences(first, second)
    step = ratio.relative(metric.resolution)
    least = step / ROUNDING
    earlier, recent = differences[:-RECENT], differences[-RECENT:]
    now = max(spread(recent), least)
    known = len(earlier) >= LEAST_PAIRS
    needed = pairs_needed(now, max(delta, step, LEAST_FLOOR))
    return PairNoise(
        pairs=len(first),
        sigma=max(spread(differences), least),
        recent=now,
        drift=_quotient(now, max(spread(earlier), least)) if known else None,
        drifts=known and ranks.u_deviate(abs(earlier), abs(recent)) > SURE,
        bias=ratio.change(median(differences)),
        biased=ranks.signed_rank_p(differences) < ranks.two_sided(SURE),
        needed=needed,
        too_noisy=needed > MOST_PAIRS,
    )


def _quotient(now: float, before: float) -> float | None:
    return now / before if before > 0 else None


def pairs_needed(sigma: float, delta: float) -> int:
    """Say how many pairs make the 99 % interval as narrow as ± delta; at least the first look.

    Source:
        n ≈ (3.2 · sigma / delta)²: the normal quantile 2.58, the loss of ranks against means, and some room.
    """
    return max(LEAST_PAIRS, math.ceil(min(SIGMAS_FOR_PROOF * sigma / delta, MOST_ROOT) ** 2 - 1e-9))


@dataclass(frozen=True, kw_only=True)
class FalseAlarms:
    """The live meter: how often identical binaries were called different."""

    alarms: int
    judged: int  # same-binary comparisons with enough pairs
    rate: float | None  # None before the first
    low: float  # 99 % interval of the rate, exact binomial
    high: float


def false_alarms(findings: Iterable[Finding]) -> FalseAlarms:
    """Count how the rule for pairs judged binaries that are the same.

    Args:
        findings: of `judge` without `same_binary`; those with too few pairs are not counted.
    """
    verdicts = [each.verdict for each in findings if each.pairs >= LEAST_PAIRS]
    alarms = sum(verdict in {Verdict.REGRESSED, Verdict.IMPROVED} for verdict in verdicts)
    low, high = binomial_interval(alarms, len(verdicts))
    rate = alarms / len(verdicts) if verdicts else None
    return FalseAlarms(alarms=alarms, judged=len(verdicts), rate=rate, low=low, high=high)


def binomial_interval(hits: int, trials: int, level: float = 0.99) -> tuple[float, float]:
    """Give the exact interval of a rate.

    Source:
        Clopper and Pearson, Biometrika 26 (1934), solved by bisection.
    """
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else _solve(lambda rate: 1 - _at_most(hits - 1, trials, rate) - tail)
    high = 1.0 if hits == trials else _solve(lambda rate: tail - _at_most(hits, trials, rate))
    return low, high


def _at_most(hits: int, trials: int, rate: float) -> float:
    """Give P(Binomial(trials, rate) ≤ hits)."""
    if rate <= 0 or rate >= 1:
        return float(rate <= 0 or hits >= trials)
    log_all = math.lgamma(trials + 1)
    return math.fsum(
        math.exp(
            log_all
            - math.lgamma(k + 1)
            - math.lgamma(trials - k + 1)
            + k * math.log(rate)
            + (trials - k) * math.log1p(-rate)
        )
        for k in range(hits + 1)
    )


def _solve(rising: Callable[[float], float]) -> float:
    """Find where a rising function of a rate is zero."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2
