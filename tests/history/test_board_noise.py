"""What pairs of the same binary say of a board, and how often its verdicts are false alarms."""

import math

import numpy as np
import pytest

from app.history.noise import PairNoise, binomial_interval, false_alarms, pair_noise, pairs_needed
from app.history.paired import judge
from app.history.verdict import Better, Finding, Metric, Rule, Verdict
from benchmarks.streams import FRAMES, TIME, changed


def test_the_noise_of_a_board_is_the_sigma_of_its_pairs() -> None:
    noise = pair_noise(changed(np.random.default_rng(1), 400, 0.0, 0.02), TIME)

    assert noise.pairs == 400
    assert noise.sigma == pytest.approx(0.02, rel=0.15)
    assert noise.recent == pytest.approx(0.02, rel=0.4)
    assert noise.drift == pytest.approx(1.0, abs=0.4)
    assert (noise.drifts, noise.biased, noise.too_noisy) == (False, False, False)
    assert noise.bias == pytest.approx(0.0, abs=0.005)


def test_one_outlier_in_ten_does_not_make_a_board_noisy() -> None:
    pairs = changed(np.random.default_rng(2), 100, 0.0, 0.01)
    pairs[::10] = [(base, 5 * head) for base, head in pairs[::10]]

    assert pair_noise(pairs, TIME).sigma == pytest.approx(0.01, rel=0.4)


def test_seven_pairs_say_nothing_of_a_board() -> None:
    assert pair_noise([(1.0, 2.0)] * 7, TIME) == PairNoise(pairs=7)


def test_a_board_that_grew_noisy_is_noticed_and_its_recent_noise_counts() -> None:
    random = np.random.default_rng(3)
    pairs = [*changed(random, 200, 0.0, 0.01), *changed(random, 64, 0.0, 0.08)]

    noise = pair_noise(pairs, TIME)

    assert noise.drifts
    assert noise.drift == pytest.approx(8, rel=0.4)
    assert noise.too_noisy
    assert not pair_noise(pairs[:200], TIME).too_noisy


def test_an_order_that_leaks_into_the_result_is_noticed() -> None:
    noise = pair_noise(changed(np.random.default_rng(4), 64, 0.01, 0.01), TIME)

    assert noise.biased
    assert noise.bias == pytest.approx(0.01, abs=0.005)


def test_rounding_is_noise_too() -> None:
    """Always 61 of 61 frames: the counter's step of one frame hides what there is."""
    noise = pair_noise([(61.0, 61.0)] * 32, FRAMES)

    assert noise.sigma == pytest.approx(1 / 61 / math.sqrt(6))
    assert not noise.too_noisy


@pytest.mark.parametrize(("sigma", "pairs"), [(0.005, 8), (0.01, 11), (0.02, 41), (0.05, 256)])
def test_how_many_pairs_prove_one_percent(sigma: float, pairs: int) -> None:
    assert pairs_needed(sigma, 0.01) == pairs


def test_the_smallest_change_to_be_judged_decides_whether_a_board_is_too_noisy() -> None:
    pairs = changed(np.random.default_rng(5), 128, 0.0, 0.05)

    assert pair_noise(pairs, TIME).too_noisy
    assert not pair_noise(pairs, TIME, delta=0.05).too_noisy
    assert not pair_noise(pairs, Metric(better=Better.LOWER, resolution=5.0)).too_noisy


def test_as_many_pairs_as_said_make_the_interval_as_narrow_as_said() -> None:
    random, needed = np.random.default_rng(6), pairs_needed(0.04, 0.02)

    found = [judge(changed(random, needed, 0.0, 0.04), TIME, Rule(looks=(needed,))) for _ in range(100)]

    assert np.median([(each.high or 0) - (each.low or 0) for each in found]) / 2 == pytest.approx(0.02, rel=0.2)


def test_the_meter_counts_only_comparisons_with_enough_pairs() -> None:
    def finding(verdict: Verdict, pairs: int = 16) -> Finding:
        return Finding(verdict=verdict, pairs=pairs)

    meter = false_alarms(
        [
            *[finding(Verdict.UNCHANGED)] * 150,
            *[finding(Verdict.UNDECIDED)] * 48,
            finding(Verdict.REGRESSED),
            finding(Verdict.IMPROVED),
            finding(Verdict.UNDECIDED, 7),
        ]
    )

    assert (meter.alarms, meter.judged, meter.rate) == (2, 200, 0.01)
    assert meter.low < 0.01 < meter.high


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(0, 200, 0.0, 0.02614), (1, 1, 0.005, 1.0), (3, 1000, 0.000338, 0.010934), (50, 100, 0.3689, 0.6311)],
)
def test_the_interval_of_a_rate_is_the_exact_one(hits: int, trials: int, low: float, high: float) -> None:
    """By definition: at the lower end so many hits or more have a chance of .5 %, at the upper so many or fewer."""

    def at_most(count: int, rate: float) -> float:
        return sum(math.comb(trials, k) * rate**k * (1 - rate) ** (trials - k) for k in range(count + 1))

    found = binomial_interval(hits, trials)

    assert found == pytest.approx((low, high), abs=1e-4)
    if 0 < hits < trials:
        assert 1 - at_most(hits - 1, found[0]) == pytest.approx(0.005)
        assert at_most(hits, found[1]) == pytest.approx(0.005)


def test_a_rate_that_was_never_measured_may_be_anything() -> None:
    assert binomial_interval(0, 0) == (0.0, 1.0)
    assert false_alarms([]).rate is None
