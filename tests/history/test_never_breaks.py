"""Whatever is measured: an answer, no exception, and no number that is none."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from app.history.detector import Detection, detect, refit
from app.history.geometric import summarise
from app.history.multiplicity import Row, judge_all
from app.history.noise import false_alarms, pair_noise
from app.history.paired import judge
from app.history.unpaired import Once, Place, judge_unpaired, once
from app.history.verdict import Better, Metric, Rule, Verdict
from tests.history.bounds import QUIET, RARE

FEW = [0.0, 1.0, 8.0, 9.0, 60.0, 61.0, -5.0, 1e-300, 1e300, -1e308, 1.7e308, 5e-324]
values = some.one_of(
    some.sampled_from(FEW),
    some.floats(90, 110),
    some.integers(55, 61).map(float),
    some.floats(allow_nan=False, allow_infinity=False),
)
holes = some.sampled_from([None, math.nan, math.inf, -math.inf])
sides = some.one_of(values, values, values, holes, some.lists(values, max_size=3))
metrics = some.builds(
    Metric,
    better=some.sampled_from([Better.LOWER, Better.HIGHER, None]),
    resolution=some.sampled_from([0.0, 1.0, 1e-300, 1e300, math.inf, math.nan, -1.0]),
    cap=some.sampled_from([None, 61.0, 0.0, math.inf, math.nan]),
)
rules = some.sampled_from([Rule(), Rule(looks=(8,)), Rule(floor=0.5, same_within=0.0), Rule(screen_from=1)])


def numbers(found: object) -> Iterator[float]:
    """Find every number in an answer."""
    if isinstance(found, float):
        yield found
    elif isinstance(found, dict):
        yield from numbers(list(found.values()))
    elif isinstance(found, list | tuple):
        for each in found:
            yield from numbers(each)
    elif is_dataclass(found):
        for field in fields(found):
            yield from numbers(getattr(found, field.name))


def assert_sound(found: object) -> None:
    assert all(math.isfinite(number) for number in numbers(found)), found


def blocks(limit: int) -> some.SearchStrategy[list[float | None]]:
    """Make series with runs of equal values, as real ones have them."""
    run = some.tuples(some.one_of(values, values, values, holes), some.integers(1, 9))
    return some.lists(run, max_size=limit).map(lambda runs: [value for value, times in runs for _ in range(times)])


@QUIET
@given(some.lists(some.tuples(sides, sides), max_size=40), metrics, rules)
def test_any_pairs_get_a_verdict(pairs: list[tuple[object, object]], metric: Metric, rule: Rule) -> None:
    found = judge(pairs, metric, rule)

    assert_sound(found)
    assert found.verdict in Verdict
    if found.verdict is Verdict.NO_BASELINE:
        assert found.change is None
    if found.low is not None:
        assert found.high is not None and found.change is not None
        assert found.low <= found.change <= found.high


@QUIET
@given(some.lists(some.lists(some.tuples(values, values), max_size=20), max_size=5), metrics, rules)
def test_any_rows_get_a_first_line(rows: list[list[tuple[float, float]]], metric: Metric, rule: Rule) -> None:
    found = judge_all([Row(metric=metric, pairs=pairs) for pairs in rows], rule)

    assert len(found) == len(rows)
    assert_sound(summarise([(finding, metric.better) for finding in found]))
    assert_sound(false_alarms(found))


@QUIET
@given(some.lists(values, max_size=25), some.lists(values, max_size=25), metrics)
def test_any_two_sets_of_samples_get_a_verdict_that_fails_nothing(
    base: list[float], head: list[float], metric: Metric
) -> None:
    found = judge_unpaired(base, head, metric)

    assert_sound(found)
    assert not found.fails


@QUIET
@given(blocks(12), some.sampled_from([0.0, 1.0, 1e-300, 1e300, math.inf, math.nan]), some.lists(some.integers(-3, 90)))
@example([0.0, 0.0, -1e308, -1e308, 1.7e308, 1.7e308], 0.0, [])  # half of its band is wider than numbers reach
@example([0.0] * 2 + [5e-324] * 5 + [90.0] + [1.0] * 6, 0.0, [])  # from a level that is hardly above zero
def test_any_series_is_judged(series: Sequence[float | None], resolution: float, boundaries: list[int]) -> None:
    found = detect(series, resolution=resolution, boundaries=boundaries)

    assert_sound(found)
    assert_sound(once(3.0, found))
    for cut in found.cuts:
        assert 0 <= cut.previous < cut.index < len(series)
        assert cut.points >= 3
        if cut.change is not None:
            assert cut.low is not None and cut.high is not None
            assert cut.low <= cut.high


def test_a_band_wider_than_numbers_reach_is_none_and_a_value_beside_it_has_no_place() -> None:
    found = detect([0.0, 0.0, -1e308, -1e308, 1.7e308, 1.7e308])

    assert (found.level, found.band) == (0.0, None)
    assert once(3.0, found) == Once(value=3.0, place=Place.UNKNOWN, level=0.0)


@RARE
@given(blocks(40), some.integers(0, 100))
def test_any_series_can_grow(series: Sequence[float | None], more: int) -> None:
    long = [100.0, 101.0, 99.0] * 400 + list(series)

    assert_sound(refit(long, detect(long[: len(long) - more]).cuts))


@QUIET
@given(some.lists(some.tuples(values, values), max_size=90), metrics)
def test_any_board_has_a_noise(pairs: list[tuple[float, float]], metric: Metric) -> None:
    assert_sound(pair_noise(pairs, metric))


@QUIET
@given(some.lists(some.tuples(some.floats(0.01, 100), some.floats(0.01, 100)), min_size=8, max_size=30))
def test_direction_is_a_mirror(pairs: list[tuple[float, float]]) -> None:
    lower, higher = Metric(better=Better.LOWER), Metric(better=Better.HIGHER)
    rule = Rule(looks=(8,))
    mirrored = {Verdict.REGRESSED: Verdict.IMPROVED, Verdict.IMPROVED: Verdict.REGRESSED}

    found = judge(pairs, lower, rule)

    assert judge([(1 / base, 1 / head) for base, head in pairs], higher, rule).verdict is found.verdict
    assert judge(pairs, higher, rule).verdict is mirrored.get(found.verdict, found.verdict)


@pytest.mark.parametrize("scale", [1e-250, 1e-9, 1.0, 1e9, 1e250])
def test_the_unit_of_a_metric_plays_no_part(scale: float) -> None:
    random = np.random.default_rng(1)
    pairs = [(100 * base, 104 * head) for base, head in np.exp(0.01 * random.normal(size=(16, 2))).tolist()]
    series = [100.0 * value for value in np.exp(0.01 * random.normal(size=100)).tolist()]
    series[60:] = [1.1 * value for value in series[60:]]

    scaled = judge([(base * scale, head * scale) for base, head in pairs], Metric(better=Better.LOWER))

    assert scaled.verdict is Verdict.REGRESSED
    assert scaled.p == judge(pairs, Metric(better=Better.LOWER)).p
    assert [cut.index for cut in detect([value * scale for value in series]).cuts] == [60]


def test_nothing_is_known_of_nothing() -> None:
    assert detect([]) == Detection()
    assert judge_all([]) == []
    assert_sound(pair_noise([], Metric(better=None)))
    assert false_alarms([]).rate is None
