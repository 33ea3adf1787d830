"""Histories that no generator of steps makes: what real boards do besides."""

import numpy as np
import pytest

from app.history import scale
from app.history.detector import Detection, detect
from app.history.scale import implied_step
from benchmarks import odd
from benchmarks.odd import Make, board


def at(detection: Detection) -> list[int]:
    return [cut.index for cut in detection.cuts]


def cuts_per_series(make: Make, campaign: int) -> float:
    random, count = np.random.default_rng(1), 30 if campaign == 1 else 500
    return float(np.mean([len(detect(make(random)).cuts) for _ in range(count)]))


def test_a_constant_has_no_shift_and_no_noise_but_rounding() -> None:
    detection = detect([61.0] * 120, resolution=1)

    assert at(detection) == []
    assert 0 < detection.sigma < 0.01
    assert at(detect([0.0] * 120)) == []
    assert at(detect([-5.0] * 120)) == []


def test_single_dips_below_a_cap_are_no_shift_and_a_real_fall_is() -> None:
    values = np.full(120, 61.0)
    values[[13, 55, 57, 90]] = 60

    assert at(detect(values, resolution=1)) == []
    values[100:] = 58
    assert at(detect(values, resolution=1)) == [100]
    assert at(detect(values)) == [100]


def test_a_fall_by_one_step_of_the_tool_is_found() -> None:
    values = [61.0] * 60 + [60.0] * 60

    assert at(detect(values, resolution=1)) == [60]


def test_a_value_between_two_steps_of_the_tool_is_no_shift() -> None:
    """8.4 ms on a counter of whole milliseconds is 8 or 9 by chance."""
    random = np.random.default_rng(1)

    for _ in range(20):
        values = np.floor(8.4 + random.random(200))
        assert at(detect(values, resolution=1)) == []
        assert at(detect(values)) == []


def test_the_step_of_a_tool_is_seen_in_its_values() -> None:
    assert implied_step(np.arange(20.0)) == 1.0
    assert implied_step(np.arange(20) * 0.5) == 0.5
    assert implied_step(np.arange(20) * 0.1 + 60) == 0.1
    assert implied_step(np.arange(20) * 300.0) == 100.0
    assert implied_step(np.arange(19.0)) == 0.0
    assert implied_step(np.random.default_rng(1).normal(size=50)) == 0.0
    assert implied_step(np.zeros(50)) == 0.0
    assert implied_step(np.full(50, 1e300)) == 0.0


@pytest.mark.parametrize("level", [3.5, 8.4, 61.3])
def test_small_whole_numbers_need_no_declared_resolution(level: float, campaign: int) -> None:
    """Before the step was looked for in the values, these had two to nine false alarms a series."""
    assert cuts_per_series(odd.whole(level), campaign) <= 0.1


def test_two_values_in_turn_are_no_shifts() -> None:
    assert at(detect([100.0, 110.0] * 100)) == []


@pytest.mark.parametrize("stay", [10, 20])
def test_a_benchmark_with_two_modes_that_last_a_while_is_not_reported_at_every_switch(stay: int, campaign: int) -> None:
    """Taken as shifts, the switches would be 6 to 8 a series."""
    assert cuts_per_series(odd.two_modes(stay), campaign) <= 0.5


def test_a_shift_is_found_also_in_a_benchmark_with_two_modes() -> None:
    random = np.random.default_rng(2)
    mode = np.repeat(np.arange(16) % 2, 20)
    values = 1000 * np.exp(0.3 * board(random, 320) + 0.05 * mode)
    values[200:] *= 1.3

    assert 200 in at(detect(values))


def test_there_and_back_again_is_two_shifts() -> None:
    values = 1000 * np.exp(board(np.random.default_rng(3), 300))
    values[100:200] *= 1.1

    assert at(detect(values)) == [100, 200]


@pytest.mark.parametrize("total", [0.02, 0.05, 0.10, 0.30])
def test_a_slow_drift_is_hardly_ever_a_shift(total: float, campaign: int) -> None:
    """Without a look at the straight line, a drift of 30 % over 300 commits makes eight cuts."""
    assert cuts_per_series(odd.drifting(total), campaign) <= 0.5


def test_a_step_on_top_of_a_drift_is_found() -> None:
    random = np.random.default_rng(4)
    found = 0
    for _ in range(20):
        values = 1000 * np.exp(board(random) + np.linspace(0, 0.03, 300))
        values[150:] *= 1.1
        found += any(abs(cut - 150) <= 1 for cut in at(detect(values)))

    assert found >= 19


@pytest.mark.parametrize("times", [3, 10])
def test_a_noisy_stretch_is_no_row_of_shifts(times: int, campaign: int) -> None:
    """Somebody else used the machine for a third of the time. By the noise of the whole series: two cuts a series."""
    assert cuts_per_series(odd.noisy_stretch(times), campaign) <= 0.1


def test_noise_that_comes_in_waves_is_no_row_of_shifts(campaign: int) -> None:
    assert cuts_per_series(odd.waves, campaign) <= 0.4


def test_a_step_into_a_noisy_stretch_is_found_if_it_is_large_beside_that_noise() -> None:
    x = board(np.random.default_rng(5), 300, (0.0,))
    x[150:] *= 4
    x[150:] += 0.25

    assert at(detect(1000 * np.exp(x))) == [150]


@pytest.mark.parametrize("share", [0.05, 0.10])
def test_a_benchmark_with_many_outliers_is_not_reported_when_three_meet(share: float, campaign: int) -> None:
    """One execution in ten is slow: in 300 commits three in a row are slow somewhere in a quarter of the series."""
    assert cuts_per_series(odd.outliers(share), campaign) <= 0.15


def test_two_outliers_side_by_side_are_no_level() -> None:
    values = 1000 * np.exp(board(np.random.default_rng(6), 200))
    values[100:102] *= 1.3

    assert at(detect(values)) == []


@pytest.mark.parametrize("make", [odd.cauchy, odd.skewed], ids=lambda make: make.__name__)
def test_tails_without_an_end_are_no_shifts(make: Make, campaign: int) -> None:
    assert cuts_per_series(make, campaign) <= 0.3


@pytest.mark.parametrize(("size", "most"), [(6, 0.05), (10, 0.05), (30, 0.05), (3000, 0.1)])
def test_short_and_long_histories_are_judged_alike(size: int, most: float, campaign: int) -> None:
    random, count = np.random.default_rng(7), 100 if size < 100 else 3 * campaign

    cuts = [len(detect(1000 * np.exp(board(random, size))).cuts) for _ in range(count)]

    assert np.mean(cuts) <= most


def test_fewer_than_six_points_have_a_level_and_nothing_else() -> None:
    detection = detect([1.0, 1.0, 9.0, 9.0, 9.0])

    assert detection == Detection(level=9.0, measured=5)
    assert detect([]) == Detection()
    assert detect([None, float("nan")]) == Detection()


def test_a_young_history_is_judged_as_soon_as_the_rank_test_can_be_certain() -> None:
    """1 of 20 arrangements of 3 + 3 points is no proof, nor 1 of 924 of 6 + 6 at a thousandth; 7 + 7 are."""
    random = np.random.default_rng(1)

    def found(points: int) -> list[int]:
        values = 1000 + random.normal(size=2 * points)
        values[points:] += 100
        return at(detect(values))

    assert [found(3), found(6)] == [[], []]
    assert [found(7), found(10), found(15)] == [[7], [10], [15]]


def test_many_missing_commits_do_not_move_a_cut() -> None:
    random = np.random.default_rng(8)
    values = 1000 * np.exp(board(random, 400))
    values[200:] *= 1.1
    values[random.random(400) < 0.5] = np.nan

    (cut,) = detect(values).cuts

    assert cut.previous < 200 <= cut.index
    assert np.isnan(values[cut.previous + 1 : cut.index]).all()


def test_a_series_around_zero_is_judged_by_its_size() -> None:
    random = np.random.default_rng(9)
    values = random.normal(0, 1, 200)
    values[100:] += 20

    assert at(detect(values)) == [100]


def test_a_short_excursion_is_not_taken_for_autocorrelation() -> None:
    """Far residuals are clipped: six points at 30 sigma would make white noise look as if it followed itself."""
    values = 1000 * np.exp(board(np.random.default_rng(10), 300, (0.0,)))
    values[150:156] *= 1.35

    assert detect(values).autocorrelation < 0.3
    assert scale.autocorrelation(np.log(values), 0.01) < 0.3
