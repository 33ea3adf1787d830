"""The verdicts on pairs: how often they are wrong, what they find, whether their intervals hold."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from app.history.multiplicity import Row, judge_all
from app.history.paired import judge
from app.history.verdict import Finding, Rule, Verdict
from benchmarks.detector import cpu
from benchmarks.report import Figure
from benchmarks.streams import KINDS, STREAMS, TIME, changed, ratios

SEED = 21  # not that of the tests
LOOKS = Rule().looks
ROWS, REAL, BUDGET = 500, 10, 32


def run(*, quick: bool) -> list[Figure]:
    """Judge streams whose truth is known."""
    draws = 50 if quick else 1000
    return [*_alarms(draws), *_power(draws), *_coverage(4 * draws), *_many(2 if quick else 100), *_times()]


def _alarms(draws: int) -> Iterator[Figure]:
    for name, (make, metric) in STREAMS.items():
        random = np.random.default_rng(SEED)
        shares = []
        for pairs in LOOKS:
            verdicts = Counter(judge(make(random, pairs), metric).verdict for _ in range(draws))
            shares.append(100 * verdicts[Verdict.REGRESSED] / draws)
        yield Figure(what=f"same program, {name}: regressed, worst look", value=max(shares), unit="%", target=1)


def _power(draws: int) -> Iterator[Figure]:
    for sigma, change, pairs, verdict, target in (
        (0.01, 0.03, 16, Verdict.REGRESSED, 95),
        (0.01, 0.0, 16, Verdict.UNCHANGED, 95),
        (0.02, 0.03, 64, Verdict.REGRESSED, None),
        (0.05, 0.20, 16, Verdict.REGRESSED, None),
        (0.10, 0.20, 64, Verdict.REGRESSED, None),
    ):
        random = np.random.default_rng(SEED)
        verdicts = Counter(judge(changed(random, pairs, change, sigma), TIME).verdict for _ in range(draws))
        what = f"σ {sigma:.0%}, true {change:+.0%}, {pairs} pairs: {verdict}"
        share = 100 * verdicts[verdict] / draws
        yield Figure(what=what, value=share, unit="%", target=target, more_is_better=True)
    yield _worst("σ 1%, true +1%, δ 1 %: unchanged, worst look", draws, 0.01, Rule(same_within=0.01), 0.01)
    yield _worst("σ 10%, true +3%: wrong, worst look", draws, 0.10, Rule(), 0.03)


def _worst(what: str, draws: int, sigma: float, rule: Rule, change: float) -> Figure:
    random = np.random.default_rng(SEED)
    shares = []
    for pairs in LOOKS:
        verdicts = Counter(judge(changed(random, pairs, change, sigma), TIME, rule).verdict for _ in range(draws))
        shares.append(100 * (verdicts[Verdict.UNCHANGED] + verdicts[Verdict.IMPROVED]) / draws)
    return Figure(what=what, value=max(shares), unit="%", target=1)


def _coverage(draws: int) -> Iterator[Figure]:
    for kind in KINDS:
        random, held = np.random.default_rng(SEED), []
        for pairs in LOOKS:
            findings = (judge(ratios(random, kind, pairs), TIME, Rule(looks=(pairs,))) for _ in range(draws))
            held.append(100 * sum(_holds(each, 0.07) for each in findings) / draws)
        what = f"99 % interval, {kind}: holds the ratio, worst look"
        yield Figure(what=what, value=min(held), unit="%", target=98, more_is_better=True)


def _holds(finding: Finding, truth: float) -> bool:
    assert finding.low is not None and finding.high is not None
    return finding.low - 1e-9 <= truth <= finding.high + 1e-9


def _many(draws: int) -> Iterator[Figure]:
    random = np.random.default_rng(SEED)
    failing, listed, false = 0, [], []
    for _ in range(draws):
        failing += any(each.fails for each in judge_all(_rows(random, 0)))
        verdicts = [each.verdict for each in judge_all(_rows(random, REAL))]
        listed.append(verdicts[:REAL].count(Verdict.REGRESSED))
        false.append(sum(verdict in {Verdict.REGRESSED, Verdict.IMPROVED} for verdict in verdicts[REAL:]))
    yield Figure(what="500 unchanged metrics: a status fails", value=100 * failing / draws, unit="%", target=1.5)
    what = "10 of 500 metrics +5 %: fewest listed"
    yield Figure(what=what, value=min(listed), unit="", target=9, more_is_better=True)
    yield Figure(what="10 of 500 metrics +5 %: false ones listed", value=float(np.mean(false)), unit="", target=1)


def _rows(random: np.random.Generator, real: int) -> list[Row]:
    return [
        Row(metric=TIME, pairs=changed(random, BUDGET, 0.05 if number < real else 0.0, 0.01)) for number in range(ROWS)
    ]


def _times() -> Iterator[Figure]:
    rows = _rows(np.random.default_rng(SEED), REAL)
    yield Figure(what="CPU of judging 500 metrics of 32 pairs", value=1000 * cpu(lambda: judge_all(rows), 3), unit="ms")
