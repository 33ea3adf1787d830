"""Shifts in a history: how many are found, how many are invented, where, how soon, and how long it takes."""

import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from app.history.detector import Detection, Knobs, detect, refit
from app.history.robust import spread
from benchmarks.injected import CASES, Case, Floats, Injected, many, noise, score

WITHIN_THE_RULES = CASES[:4]  # φ ≤ .6, every quantum, capped too
FINE = CASES[:2]  # quantum ≤ .2 %


def found(series: Injected) -> list[int]:
    return [cut.index for cut in detect(series.values, resolution=series.resolution).cuts]


def white(seed: int, size: int, sigma: float = 0.01) -> Floats:
    return 1000 * np.exp(sigma * np.random.default_rng(seed).normal(size=size))


def at(detection: Detection) -> list[int]:
    return [cut.index for cut in detection.cuts]


@pytest.mark.parametrize("case", WITHIN_THE_RULES, ids=lambda case: case.name)
def test_an_unchanged_history_has_at_most_one_false_alarm_in_twenty(case: Case, campaign: int) -> None:
    result = score(found, many(1, case, 40 if campaign == 1 else 1000))

    assert result.false_per_series <= 0.05


@pytest.mark.parametrize(("step", "least"), [(0.02, 0.75), (0.05, 0.95), (0.10, 0.98)])
@pytest.mark.parametrize("case", FINE, ids=lambda case: case.name)
def test_injected_steps_are_found_and_little_else(case: Case, step: float, least: float, campaign: int) -> None:
    result = score(found, many(1, case, 40 if campaign == 1 else 1000, step=step))

    assert result.f1 >= least
    if step == 0.10:
        assert result.median_distance <= 1


@pytest.mark.parametrize("case", FINE, ids=lambda case: case.name)
def test_the_interval_of_a_step_holds_its_size(case: Case, campaign: int) -> None:
    """99 % is promised for a step that is known; choosing where to cut costs a little of it."""
    held = []
    for series in many(2, case, 30 if campaign == 1 else 1000, step=0.10):
        for cut in detect(series.values).cuts:
            if cut.index in series.steps:
                truth = math.expm1(math.copysign(0.10, cut.change or 0))
                held.append((cut.low or 0) <= truth <= (cut.high or 0))

    assert len(held) > 20
    assert np.mean(held) >= 0.95


@pytest.mark.parametrize("size", [1.02, 1.1, 2.0, 10.0, 1e6, 1e-6, 0.5])
@pytest.mark.parametrize("place", [0, 1, 2, 50, 97, 98, 99])
def test_one_spike_of_any_size_is_no_shift(size: float, place: int) -> None:
    values = white(1, 100, 0.005)
    values[place] *= size

    assert at(detect(values)) == []


@pytest.mark.parametrize("spike", [0.0, -1000.0, 1e9])
def test_one_point_at_or_below_zero_is_no_shift(spike: float) -> None:
    values = white(2, 100)
    values[40] = spike

    assert at(detect(values)) == []


def test_a_step_of_five_sigma_opens_on_its_third_point(campaign: int) -> None:
    draws = 60 if campaign == 1 else 1000

    opened = early = 0
    for seed in range(draws):
        values = white(seed, 100)
        values[97:] *= math.exp(0.05)
        early += bool(at(detect(values[:99])))
        opened += at(detect(values)) == [97]

    assert opened >= 0.9 * draws
    assert early <= 0.1 * draws


def test_a_new_point_hardly_ever_moves_an_old_cut(campaign: int) -> None:
    """Old is more than 100 points, moved is by more than 2; cuts that come or go count as moved."""
    looks = moved = 0
    for series in many(3, CASES[0], 6 if campaign == 1 else 40, size=400, step=0.05):
        before: list[int] = []
        for size in range(200, 401, 10 if campaign == 1 else 1):
            now = at(detect(series.values[:size]))
            old = [cut for cut in before if cut < size - 100]
            looks += len(old)
            moved += sum(all(abs(cut - other) > 2 for other in now) for cut in old)
            before = now

    assert looks > 50
    assert moved <= 0.05 * looks


def test_refitting_the_last_thousand_points_finds_what_a_look_at_everything_finds(campaign: int) -> None:
    same = total = 0
    for series in many(4, CASES[0], 2 if campaign == 1 else 20, size=2400, step=0.05):
        values = series.values.copy()
        values[1700:] *= 1.08
        known = detect(values[:2000]).cuts
        for size in range(2001, 2400, 133):
            refitted = refit(values[:size], known)
            whole = at(detect(values[:size]))
            total += 1
            same += [cut for cut in at(refitted) if cut > 100] == [cut for cut in whole if cut > 100]
            known = refitted.cuts

    assert same >= 0.9 * total


def test_what_lies_before_the_last_thousand_points_stays_as_it_was_found() -> None:
    values = white(5, 3000)
    values[500:] *= 1.1
    known = detect(values[:2900]).cuts
    values[:1900] = 7.0  # nobody looks there again

    assert refit(values, known).cuts == known
    assert at(refit(values, known)) == [500]


def test_a_cut_near_the_beginning_of_what_is_refitted_is_neither_lost_nor_found_twice() -> None:
    values = white(6, 2100)
    values[1090:] *= 1.1
    known = detect(values[:1500]).cuts

    for size in (2050, 2080, 2089, 2090, 2093, 2100):
        assert at(refit(values[:size], known)) == [1090], size


def test_a_short_series_is_refitted_whole() -> None:
    values = white(7, 200)
    values[100:] *= 1.1

    assert refit(values, ()) == detect(values)


def test_a_boundary_drawn_by_hand_is_not_reported_and_nothing_reaches_across_it() -> None:
    values = white(8, 200)
    values[100:] *= 1.5
    values[150:] *= 1.1

    assert at(detect(values, boundaries=[100])) == [150]
    assert at(detect(values[:102], boundaries=[100])) == []
    assert at(refit(np.concatenate((white(9, 1500), values)), (), boundaries=[1600])) == [1650]


def test_a_cut_says_where_how_much_and_how_sure() -> None:
    values: list[float | None] = white(9, 120).tolist()
    values[60:] = [1.05 * value for value in values[60:] if value is not None]
    values[58:62] = [None, math.nan, None, None]

    detection = detect(values)

    (cut,) = detection.cuts
    assert (cut.previous, cut.index, cut.points) == (57, 62, 58)
    assert cut.before == np.median([value for value in values[:58] if value is not None])
    assert cut.after == np.median([value for value in values[62:] if value is not None])
    assert cut.change == pytest.approx(0.05, abs=0.005)
    assert (cut.low or 0) < 0.05 < (cut.high or 0)
    assert cut.z > 8
    assert detection.measured == 116
    assert detection.sigma == pytest.approx(0.01, rel=0.3)
    assert detection.level == cut.after
    assert detection.band is not None
    assert detection.band[0] < cut.after < detection.band[1]


def test_almost_all_unchanged_points_lie_inside_of_the_band() -> None:
    values = white(10, 400)

    low, high = detect(values[:300]).band or (0, 0)

    assert np.mean((low <= values[300:]) & (values[300:] <= high)) >= 0.99
    assert high / low < 1.15


def test_the_direction_of_a_metric_plays_no_part() -> None:
    for series in many(5, CASES[0], 10, step=0.05):
        assert at(detect(1 / series.values)) == at(detect(series.values))


def test_a_floor_of_five_percent_passes_over_three() -> None:
    values = white(11, 200)
    values[100:] *= 1.03

    assert at(detect(values)) == [100]
    assert at(detect(values, knobs=Knobs(floor=0.05))) == []


def test_correlated_noise_is_recognised_and_paid_for() -> None:
    wandering = next(iter(many(6, Case(name="φ = .6", correlations=(0.6,)), 1, size=2000)))

    detection = detect(wandering.values)

    assert detection.autocorrelation == pytest.approx(0.55, abs=0.15)
    assert detection.sigma == pytest.approx(spread(np.log(wandering.values)), rel=0.2)
    assert detection.inflation == (1 + detection.autocorrelation) / (1 - detection.autocorrelation)
    assert detect(white(12, 2000)).autocorrelation < 0.15


def quickest(run: Callable[[], object], times: int = 5) -> float:
    """Give the processor time of the quickest of some runs, in seconds: a busy machine does not make it longer."""
    spent = []
    for _ in range(times):
        begun = time.process_time()
        run()
        spent.append(time.process_time() - begun)
    return min(spent)


def test_a_thousand_points_take_sixty_milliseconds_and_so_does_one_more() -> None:
    series = next(iter(many(7, CASES[0], 1, size=5000, step=0.05)))
    known = detect(series.values[:4999]).cuts

    assert quickest(lambda: detect(series.values[:1000])) <= 0.06
    assert quickest(lambda: refit(series.values, known)) <= 0.06


def test_ten_thousand_points_take_a_second_and_a_half_and_fifty_megabytes() -> None:
    series = next(iter(many(8, CASES[0], 1, size=10_000, step=0.05)))
    detect(series.values[:1000])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert quickest(lambda: detect(series.values), 2) <= 1.5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before <= 50 * 1024


def imported(code: str) -> Sequence[str]:
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return said.split()


def test_loading_takes_less_than_a_third_of_a_second_and_nothing_but_numpy_once_something_is_computed() -> None:
    every = "app.history.detector, app.history.multiplicity, app.history.unpaired, app.history.noise"
    code = f"""
import sys, time
begun = time.process_time()
import {every}
loaded = "numpy" in sys.modules
app.history.detector.detect([1.0, 2.0, 3.0])
spent = time.process_time() - begun
outside = {{name.partition(".")[0] for name in sys.modules}} - sys.stdlib_module_names - {{"app", "__main__"}}
print(spent, loaded, *sorted(outside))
"""
    runs = [imported(code) for _ in range(3)]

    assert min(float(run[0]) for run in runs) <= 0.3
    assert runs[0][1] == "False"
    assert [name for name in runs[0][2:] if not name.startswith("_")] == ["numpy"]


def test_a_step_smaller_than_the_noise_is_not_reported_however_certain() -> None:
    values = white(13, 3000, 0.04)
    values[1500:] *= 1.025

    detection = detect(values)

    assert at(detection) == []
    assert detection.sigma > 0.03


def test_ten_points_of_correlated_noise_are_enough_for_a_step_of_five_sigma() -> None:
    """With the normal tail for more than eight points, 17 of 100 would be found."""
    random, opened = np.random.default_rng(14), 0
    for _ in range(40):
        x = 0.01 * noise(random, 100, 0.6, "normal")
        x[90:] += 0.05
        opened += any(abs(cut - 90) <= 2 for cut in at(detect(1000 * np.exp(x))))

    assert opened >= 26


def test_correlated_noise_that_nobody_pays_for_would_ring() -> None:
    random = np.random.default_rng(15)
    quiet = [detect(1000 * np.exp(0.01 * noise(random, 300, 0.7, "normal"))).cuts for _ in range(60)]

    assert sum(map(len, quiet)) <= 3


def test_between_two_modes_the_interval_of_a_step_is_wider() -> None:
    """A median in the gap between two modes is much less certain than that of a normal distribution."""
    random, held = np.random.default_rng(16), []
    for _ in range(60):
        x = 0.01 * noise(random, 200, 0.0, "bimodal")
        x[100:] += 0.1
        held += [(c.low or 0) <= math.expm1(0.1) <= (c.high or 0) for c in detect(1000 * np.exp(x)).cuts]

    assert len(held) >= 50
    assert np.mean(held) >= 0.95
