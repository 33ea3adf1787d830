"""Many metrics in one comparison: suspects, corrections, and the first line."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from app.history.geometric import summarise
from app.history.multiplicity import Row, benjamini_hochberg, corrected, holm, is_suspect, judge_all
from app.history.unpaired import judge_unpaired
from app.history.verdict import Better, Finding, Metric, Rule, Verdict
from benchmarks.streams import TIME, changed

ROWS, REAL = 500, 10
BUDGET = 32  # pairs of each row
FRAMES = Metric(better=Better.HIGHER)


def rows(random: np.random.Generator, real: int, pairs: int = BUDGET, count: int = ROWS) -> list[Row]:
    return [
        Row(metric=TIME, pairs=changed(random, pairs, 0.05 if number < real else 0.0, 0.01)) for number in range(count)
    ]


def at_looks(given: Sequence[Row], looks: Sequence[int]) -> list[list[Finding]]:
    return [judge_all([Row(metric=row.metric, pairs=row.pairs[:look]) for row in given]) for look in looks]


def test_five_hundred_unchanged_metrics_fail_a_status_in_at_most_three_of_two_hundred(campaign: int) -> None:
    random, draws = np.random.default_rng(1), 2 if campaign == 1 else 400

    failing = 0
    for _ in range(draws):
        findings = at_looks(rows(random, 0), (16, BUDGET) if campaign > 1 else (BUDGET,))
        failing += any(each.fails for look in findings for each in look)

    assert failing <= 0.015 * draws


def test_of_ten_real_changes_among_five_hundred_nine_are_listed_and_hardly_a_false_one(campaign: int) -> None:
    random, draws = np.random.default_rng(2), 2 if campaign == 1 else 200

    found, false = [], []
    for _ in range(draws):
        listed = [each.verdict for each in judge_all(rows(random, REAL))]
        found.append(listed[:REAL].count(Verdict.REGRESSED))
        false.append(sum(each in {Verdict.REGRESSED, Verdict.IMPROVED} for each in listed[REAL:]))

    assert min(found) >= 9
    assert np.mean(false) <= 1


def test_suspects_are_judged_on_fresh_pairs_only() -> None:
    """A row that looked terrible while it was screened, and never again, is no suspect's proof."""
    random = np.random.default_rng(3)
    calm = rows(random, 0, count=30)
    unlucky = Row(metric=TIME, pairs=[*changed(random, 8, 0.5, 0.01), *changed(random, 24, 0.0, 0.01)])

    found = judge_all([unlucky, *calm])[0]

    assert found.pairs == 24
    assert found.verdict is Verdict.UNCHANGED


def test_a_row_that_was_no_suspect_can_be_proved_unchanged_but_not_changed() -> None:
    random = np.random.default_rng(4)
    late = Row(metric=TIME, pairs=[(100.0, 100.0)] * 8 + changed(random, 24, 0.2, 0.01))

    found = judge_all([late, *rows(random, 0, count=30)])

    assert found[0].verdict is Verdict.UNDECIDED
    assert not found[0].fails
    assert found[1].verdict is Verdict.UNCHANGED


def test_few_rows_are_not_screened_so_that_sixteen_pairs_can_decide() -> None:
    random = np.random.default_rng(5)

    found = judge_all(rows(random, 1, pairs=16, count=Rule().screen_from - 1))

    assert (found[0].verdict, found[0].pairs, found[0].fails) == (Verdict.REGRESSED, 16, True)


def test_screening_alone_decides_no_change() -> None:
    found = judge_all(rows(np.random.default_rng(6), REAL, pairs=8))

    assert {each.verdict for each in found} == {Verdict.UNDECIDED}


def test_a_suspect_has_a_small_p_or_a_large_change() -> None:
    def finding(p: float, change: float | None) -> Finding:
        return Finding(verdict=Verdict.UNDECIDED, p=p, change=change, pairs=8)

    assert is_suspect(finding(0.1, 0.0))
    assert is_suspect(finding(0.9, -0.01))
    assert is_suspect(finding(0.9, None))
    assert not is_suspect(finding(0.11, 0.009))
    assert not is_suspect(Finding(verdict=Verdict.NO_BASELINE))


def test_what_is_certain_alone_may_not_be_certain_among_many() -> None:
    alone = Finding(verdict=Verdict.REGRESSED, p=0.0008, change=0.02, pairs=64)
    others = [Finding(verdict=Verdict.UNDECIDED, p=0.5, change=0.0, pairs=64)] * 10

    assert corrected([alone])[0].verdict is Verdict.REGRESSED
    assert corrected([alone])[0].fails
    assert corrected([alone, *others[:3]])[0].verdict is Verdict.REGRESSED
    assert not corrected([alone, *others[:3]])[0].fails
    assert corrected([alone, *others[:3]])[0].adjusted == pytest.approx(0.0008 * 4 * 4)
    assert corrected([alone, *others, *others])[0].verdict is Verdict.UNDECIDED


def test_an_improvement_is_listed_and_fails_nothing() -> None:
    found = corrected([Finding(verdict=Verdict.IMPROVED, p=1e-9, change=-0.1, pairs=32)])[0]

    assert (found.verdict, found.fails) == (Verdict.IMPROVED, False)


def test_what_was_not_interleaved_never_fails_a_status() -> None:
    found = judge_unpaired([10.0, 10.1, 10.2, 10.3] * 8, [20.0, 20.1, 20.2, 20.3] * 8, TIME)

    assert found.verdict is Verdict.REGRESSED
    assert not corrected([found])[0].fails


def test_rows_that_were_not_judged_do_not_make_the_others_less_certain() -> None:
    alone = Finding(verdict=Verdict.REGRESSED, p=0.0008, change=0.02, pairs=64)
    nothing = [Finding(verdict=verdict) for verdict in (Verdict.FAILED, Verdict.NEW, Verdict.SKIPPED)]
    same = Finding(verdict=Verdict.UNCHANGED, p=0.7, pairs=64, note="same binary")

    assert corrected([alone, *nothing, *[same] * 50])[0].fails


def test_corrections_are_those_of_the_papers() -> None:
    """Worked by hand: p·m/rank from the largest down, and p·(m − rank + 1) from the smallest up."""
    p = [0.01, 0.04, 0.03, 0.005]

    assert benjamini_hochberg(p) == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert holm(p) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert benjamini_hochberg([]) == holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_the_first_line_has_the_geometric_mean_the_counts_and_the_worst_three() -> None:
    def row(change: float | None, verdict: Verdict, metric: Metric = TIME) -> tuple[Finding, Better | None]:
        return Finding(verdict=verdict, change=change, fails=change == 0.5), metric.better

    found = summarise(
        [
            row(0.25, Verdict.REGRESSED),
            row(-0.2, Verdict.IMPROVED),
            row(0.5, Verdict.REGRESSED),
            row(-0.6, Verdict.REGRESSED, FRAMES),
            row(0.1, Verdict.REGRESSED),
            row(None, Verdict.NEW),
            row(3.0, Verdict.UNJUDGED, Metric(better=None)),
        ]
    )

    assert found.ratio == pytest.approx(math.exp((math.log(1.5) + math.log(2.5) + math.log(1.1)) / 5))
    assert found.rows == 5
    assert found.worst == (3, 2, 0)
    assert found.counts == {Verdict.REGRESSED: 4, Verdict.IMPROVED: 1, Verdict.NEW: 1, Verdict.UNJUDGED: 1}
    assert found.fails


def test_a_comparison_without_numbers_has_no_mean() -> None:
    assert summarise([(Finding(verdict=Verdict.NEW), Better.LOWER)]).ratio is None
    assert summarise([]).worst == ()
