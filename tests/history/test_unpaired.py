"""What is said of executions that were not interleaved: a hint beside the history."""

import math

import numpy as np
import pytest

from app.history.detector import Detection, detect
from app.history.unpaired import Place, judge_unpaired, once
from app.history.verdict import Better, Metric, Verdict
from benchmarks.streams import FRAMES, TIME


def samples(seed: int, count: int, level: float = 100.0) -> list[float]:
    return (level * np.exp(0.01 * np.random.default_rng(seed).normal(size=count))).tolist()


def test_two_sets_of_samples_get_the_three_verdicts() -> None:
    assert judge_unpaired(samples(1, 20), samples(2, 20, 110), TIME).verdict is Verdict.REGRESSED
    assert judge_unpaired(samples(1, 20), samples(2, 20, 90), TIME).verdict is Verdict.IMPROVED
    assert judge_unpaired(samples(1, 40), samples(2, 40), TIME).verdict is Verdict.UNCHANGED
    assert judge_unpaired(samples(1, 4), samples(2, 4, 101), TIME).verdict is Verdict.UNDECIDED


def test_the_hint_says_that_nothing_was_interleaved_and_fails_nothing() -> None:
    found = judge_unpaired(samples(1, 20), samples(2, 20, 200), TIME)

    assert (found.note, found.fails, found.pairs) == ("not interleaved", False, 0)
    assert found.change == pytest.approx(1.0, abs=0.05)
    assert (found.low or 0) < 1.0 < (found.high or 0)


@pytest.mark.parametrize("count", [6, 30])
def test_the_interval_holds_the_true_ratio(count: int, campaign: int) -> None:
    draws = 200 if campaign == 1 else 4000
    held = 0
    for seed in range(draws):
        found = judge_unpaired(samples(2 * seed, count), samples(2 * seed + 1, count, 107), TIME)
        held += (found.low or -1) <= 0.07 <= (found.high or -1)

    assert held >= 0.98 * draws


def test_one_sample_on_a_side_is_measured_once() -> None:
    assert judge_unpaired([100.0], [150.0], TIME).verdict is Verdict.ONCE
    assert judge_unpaired(samples(1, 30), [150.0], TIME).verdict is Verdict.ONCE


def test_a_missing_side_is_a_state_and_no_number() -> None:
    assert judge_unpaired([], [1.0, 2.0], TIME).verdict is Verdict.NO_BASELINE
    assert judge_unpaired([math.nan], [1.0, 2.0], TIME).change is None
    assert judge_unpaired([1.0, 2.0], [], TIME).verdict is Verdict.REMOVED


def test_direction_and_its_absence_are_respected() -> None:
    less = judge_unpaired(samples(1, 20), samples(2, 20, 90), FRAMES)

    assert less.verdict is Verdict.REGRESSED
    assert (less.change or 0) < 0
    assert judge_unpaired(samples(1, 20), samples(2, 20, 90), Metric(better=None)).verdict is Verdict.UNJUDGED


def test_a_change_below_one_step_of_the_tool_is_none() -> None:
    metric = Metric(better=Better.LOWER, resolution=10)

    assert judge_unpaired(samples(1, 40), samples(2, 40, 105), metric).verdict is Verdict.UNCHANGED


def test_one_value_is_shown_beside_the_band_of_its_history() -> None:
    values = [*samples(1, 60), *samples(2, 60, 200)]
    history = detect(values)

    inside, above, below = once(201.0, history), once(300.0, history), once(100.0, history)

    assert [each.place for each in (inside, above, below)] == [Place.INSIDE, Place.ABOVE, Place.BELOW]
    assert inside.level == np.median(values[60:])
    assert inside.band == history.band
    assert above.change == pytest.approx(0.5, abs=0.01)


def test_the_band_is_three_sigma_wide_and_wider_for_correlated_noise() -> None:
    detection = detect(samples(3, 200))

    low, high = detection.band or (0, 0)

    width = 3 * detection.sigma * math.sqrt(detection.inflation)
    assert (low, high) == pytest.approx(
        ((detection.level or 0) * math.exp(-width), (detection.level or 0) * math.exp(width))
    )


def test_without_a_history_there_is_no_band() -> None:
    assert once(3.0, Detection()).place is Place.UNKNOWN
    assert once(3.0, detect([1.0, 2.0])).place is Place.UNKNOWN


def test_the_interval_leaves_out_what_the_distribution_of_u_allows() -> None:
    """Six against six at 99 %: 4 of 924 arrangements have U ≤ 2, 7 have U ≤ 3, which is more than .5 %."""
    base, head = [100.0, 102, 104, 106, 108, 110], [121.0, 127, 133, 139, 145, 152]
    shifts = sorted(math.log(new / old) for new in head for old in base)

    found = judge_unpaired(base, head, TIME)

    assert found.low == pytest.approx(math.expm1(shifts[2]))
    assert found.high == pytest.approx(math.expm1(shifts[-3]))
