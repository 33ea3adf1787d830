"""The verdict on interleaved pairs: how often it is wrong, what it finds, and what it makes of odd data."""

import itertools
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from app.history import ranks
from app.history.paired import judge
from app.history.verdict import Better, Finding, Metric, Rule, Verdict
from benchmarks.streams import FRAMES, KINDS, STREAMS, TIME, changed, hostile, ratios

LOOKS = Rule().looks
MIRRORED = {
    Verdict.REGRESSED: Verdict.IMPROVED,
    Verdict.IMPROVED: Verdict.REGRESSED,
    Verdict.UNCHANGED: Verdict.UNCHANGED,
    Verdict.UNDECIDED: Verdict.UNDECIDED,
}


def test_the_hostile_stream_is_as_bad_as_the_worst_that_was_measured() -> None:
    stream = np.array(hostile(np.random.default_rng(1), 1000))
    in_time = np.where(np.arange(1000)[:, None] % 2, stream[:, ::-1], stream).ravel()

    variation = in_time.std() / in_time.mean()
    correlation = np.corrcoef(in_time[:-1], in_time[1:])[0, 1]

    assert variation >= 0.3
    assert correlation >= 0.6


@pytest.mark.parametrize("name", STREAMS)
def test_identical_programs_are_called_regressed_in_at_most_one_case_of_a_hundred(name: str, campaign: int) -> None:
    make, metric = STREAMS[name]
    random, draws = np.random.default_rng(1), 100 if campaign == 1 else 1000

    for pairs in LOOKS:
        found = Counter(judge(make(random, pairs), metric).verdict for _ in range(draws))

        assert found[Verdict.REGRESSED] <= draws / 100, pairs
        assert found[Verdict.IMPROVED] <= draws / 100, pairs


def test_all_looks_together_call_identical_programs_different_in_at_most_one_case_of_a_hundred(campaign: int) -> None:
    random, draws = np.random.default_rng(2), 200 if campaign == 1 else 4000

    alarms = 0
    for _ in range(draws):
        pairs = changed(random, LOOKS[-1], 0.0, 0.08)
        looks = [judge(pairs[:look], TIME).verdict for look in LOOKS]
        alarms += any(verdict in {Verdict.REGRESSED, Verdict.IMPROVED} for verdict in looks)

    assert alarms <= draws / 100


def shares(change: float, sigma: float, pairs: int, rule: Rule, draws: int) -> dict[Verdict, float]:
    random = np.random.default_rng([pairs, round(1000 * sigma), round(1000 * (1 + change))])
    found = Counter(judge(changed(random, pairs, change, sigma), TIME, rule).verdict for _ in range(draws))
    return {verdict: found[verdict] / draws for verdict in Verdict}


def test_three_percent_is_found_with_sixteen_pairs_on_a_quiet_board(campaign: int) -> None:
    draws = 200 if campaign == 1 else 4000

    assert shares(0.03, 0.01, 16, Rule(), draws)[Verdict.REGRESSED] >= 0.95
    assert shares(-0.03, 0.01, 16, Rule(), draws)[Verdict.IMPROVED] >= 0.95
    assert shares(0.0, 0.01, 16, Rule(), draws)[Verdict.UNCHANGED] >= 0.95


@pytest.mark.parametrize("pairs", LOOKS)
def test_one_percent_is_not_called_unchanged_by_a_rule_for_one_percent(pairs: int, campaign: int) -> None:
    rule, draws = Rule(floor=0.01, same_within=0.01), 200 if campaign == 1 else 4000

    assert shares(0.01, 0.01, pairs, rule, draws)[Verdict.UNCHANGED] <= 0.01


@pytest.mark.parametrize("change", [0.0, 0.03])
@pytest.mark.parametrize("pairs", LOOKS)
def test_a_noisy_board_leaves_it_undecided_rather_than_wrong(change: float, pairs: int, campaign: int) -> None:
    found = shares(change, 0.10, pairs, Rule(), 200 if campaign == 1 else 4000)

    right = {Verdict.UNDECIDED, Verdict.REGRESSED if change else Verdict.UNCHANGED}
    wrong = sum(share for verdict, share in found.items() if verdict not in right)
    assert wrong <= 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_the_interval_holds_the_true_ratio_in_98_to_100_of_100_cases(kind: str, campaign: int) -> None:
    """99 of 100 is what it promises. Ranks are discrete, and ties make it surer."""
    random, draws = np.random.default_rng(3), 500 if campaign == 1 else 10_000

    for pairs in (8, 16, 32, 64) if campaign > 1 else (8, 24):
        rule = Rule(looks=(pairs,))  # one look has all of alpha
        found = [judge(ratios(random, kind, pairs), TIME, rule) for _ in range(draws)]
        held = sum((each.low or 0) <= 0.07 + 1e-9 and (each.high or 0) >= 0.07 - 1e-9 for each in found)

        assert 0.98 * draws <= held, (pairs, held)
        assert all(each.low is not None for each in found)


def test_with_one_look_the_first_eight_pairs_can_decide_and_with_four_they_cannot() -> None:
    worse = [(100.0, 110.0 + number / 100) for number in range(8)]

    assert judge(worse, TIME, Rule(looks=(8,))).verdict is Verdict.REGRESSED
    assert judge(worse, TIME).verdict is Verdict.UNDECIDED
    assert judge(worse, TIME).low is None


def test_fewer_than_eight_pairs_decide_nothing_whatever_the_rule() -> None:
    worse = [(100.0, 200.0)] * 7

    assert judge(worse, TIME, Rule(alpha=0.5, looks=(7,))).verdict is Verdict.UNDECIDED


def test_a_certain_change_below_the_floor_is_proved_unchanged() -> None:
    pairs = changed(np.random.default_rng(4), 64, 0.006, 0.005)

    found = judge(pairs, TIME)

    assert found.low is not None and found.low > 0
    assert found.verdict is Verdict.UNCHANGED


def test_the_floor_of_a_repository_is_never_less_than_one_percent() -> None:
    pairs = changed(np.random.default_rng(4), 64, 0.006, 0.005)

    assert judge(pairs, TIME, Rule(floor=0.001)).verdict is Verdict.UNCHANGED


def test_a_change_below_one_step_of_the_tool_is_not_called_one() -> None:
    pairs = changed(np.random.default_rng(4), 64, 0.05, 0.01)

    assert judge(pairs, TIME).verdict is Verdict.REGRESSED
    assert judge(pairs, replace(TIME, resolution=10)).verdict is Verdict.UNCHANGED


def test_same_binary_is_unchanged_whatever_the_numbers_say() -> None:
    found = judge([(100.0, 150.0)] * 32, TIME, same_binary=True)

    assert (found.verdict, found.note) == (Verdict.UNCHANGED, "same binary")


def test_all_pairs_equal_is_unchanged_from_the_first_look_on() -> None:
    assert judge([(61.0, 61.0)] * 8, FRAMES).verdict is Verdict.UNCHANGED
    assert judge([(61.0, 61.0)] * 7, FRAMES).verdict is Verdict.UNDECIDED


def test_a_real_fall_from_the_cap_is_found_and_the_cap_is_named() -> None:
    found = judge([(61.0, 58.0), (60.0, 58.0)] * 8, FRAMES)

    assert (found.verdict, found.note) == (Verdict.REGRESSED, "capped at 61")
    assert found.change == pytest.approx(58 / 61 - 1, abs=0.02)


def test_at_a_cap_signs_are_counted_because_sizes_are_hidden() -> None:
    """Nine small losses against seven large gains: ranks would see a gain, signs see nothing."""
    pairs = [(61.0, 60.0)] * 24 + [(50.0, 60.5)] * 16

    assert judge(pairs, FRAMES).p == ranks.sign_p(np.array([1.0] * 24 + [-1.0] * 16))
    assert judge(pairs, replace(FRAMES, cap=None)).note == ""


def test_three_distinct_values_are_judged_by_signs_and_four_by_ranks() -> None:
    three = [(8.0, 9.0), (8.0, 10.0)] * 8
    four = [(8.0, 9.0), (8.0, 10.0), (8.0, 11.0)] * 6

    assert judge(three, TIME).note == "few distinct values"
    assert judge(four, TIME).note == ""


def test_the_middle_of_what_was_measured_between_two_flashes_counts() -> None:
    pairs = [([1.0, 2.0, 900.0], [2.0, 2.0, 0.1])] * 16

    assert judge(pairs, TIME).verdict is Verdict.UNCHANGED


def test_a_pair_without_a_side_or_with_a_value_that_is_no_number_is_left_out() -> None:
    whole = changed(np.random.default_rng(5), 16, 0.05, 0.01)
    holes = [(1.0, None), (None, 1.0), (math.nan, 1.0), (1.0, math.inf), ([], 1.0)]

    assert judge([*holes, *whole], TIME) == judge(whole, TIME)


def test_a_missing_baseline_is_a_state_and_no_number() -> None:
    assert judge([(None, 5.0)] * 16, TIME) == Finding(verdict=Verdict.NO_BASELINE)
    assert judge([], TIME) == Finding(verdict=Verdict.NO_BASELINE)


def test_a_benchmark_that_the_head_does_not_know_is_removed() -> None:
    assert judge([(5.0, None)] * 16, TIME) == Finding(verdict=Verdict.REMOVED)


def test_a_metric_without_direction_is_shown_and_not_judged() -> None:
    found = judge([(100.0, 150.0)] * 16, Metric(better=None))

    assert found.verdict is Verdict.UNJUDGED
    assert found.change == pytest.approx(0.5)


def test_a_change_from_zero_has_a_verdict_and_no_percentage() -> None:
    found = judge([(0.0, 3.0)] * 16, TIME)

    assert (found.verdict, found.change, found.low, found.high) == (Verdict.REGRESSED, None, None, None)


def test_values_below_zero_change_relative_to_their_size() -> None:
    found = judge([(-10.0, -12.0)] * 16, TIME)

    assert found.verdict is Verdict.IMPROVED
    assert found.change == pytest.approx(-0.2)


@pytest.mark.parametrize("change", [-0.04, -0.015, 0.0, 0.008, 0.03])
@pytest.mark.parametrize("pairs", [8, 16, 64])
def test_turning_direction_and_values_around_turns_the_verdict_around(change: float, pairs: int) -> None:
    random = np.random.default_rng([6, pairs])
    for sigma, _ in itertools.product((0.005, 0.02, 0.1), range(5)):
        given = changed(random, pairs, change, sigma)
        inverted = [(1 / base, 1 / head) for base, head in given]

        found = judge(given, TIME)

        assert judge(inverted, Metric(better=Better.HIGHER)).verdict is found.verdict
        assert judge(given, Metric(better=Better.HIGHER)).verdict is MIRRORED[found.verdict]
        assert judge([(head, base) for base, head in given], TIME).verdict is MIRRORED[found.verdict]
        assert judge(inverted, Metric(better=Better.HIGHER)).p == found.p


def test_steps_of_one_size_are_ties_whatever_the_values() -> None:
    """Twice as much is twice as much: rounding of logarithms must not put an order into it."""
    doubled = [(1.0, 2.0), (3.0, 6.0), (7.0, 14.0), (0.1, 0.2), (11.0, 22.0), (13.0, 26.0), (1.7, 3.4), (19.0, 38.0)]
    halved = [(head, base) for base, head in doubled[:2]]

    found = judge([*doubled, *halved], TIME, Rule(looks=(8,)))

    assert found.p == pytest.approx(2 * (1 + 10 + 45) / 2**10)
    assert judge(doubled, TIME, Rule(looks=(8,))).low == judge(doubled, TIME, Rule(looks=(8,))).high
