"""Points, steps and the geometry of charts, without any service."""

import math
import re
from datetime import UTC, datetime
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.history import groups, plot
from app.history.series import Measured, Tone, largest_step, points
from app.history.statistics import noise
from app.web.pages import filters

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)


def measured(*values, better="lower"):
    given = [
        Measured(
            sha=f"{number:040}", title="", made_at=NOW, job_id=number, value=median(samples), low=min(samples),
            high=max(samples), count=len(samples),
        )
        for number, samples in enumerate((value if isinstance(value, list) else [value]) for value in values)
    ]  # fmt: skip
    return points(given, better)


def test_noise_is_the_scaled_median_of_distances_from_the_median():
    assert noise([1, 2, 3, 4, 100]) == pytest.approx(1.4826)
    assert noise([5, 5, 5, 9]) == 0


def test_noise_of_two_samples_is_refused():
    with pytest.raises(ValueError, match="at least 3 samples, got 2"):
        noise([1, 2])


@pytest.mark.parametrize(
    ("better", "after", "tone"),
    [("lower", 120, Tone.WORSE), ("lower", 80, Tone.BETTER), ("higher", 120, Tone.BETTER), (None, 80, Tone.MOVED)],
)
def test_a_step_far_outside_of_the_noise_has_the_tone_of_its_direction(better, after, tone):
    found = measured(100, 101, 99, 100, after, better=better)

    assert [each.tone for each in found] == [Tone.SAME] * 4 + [tone]
    assert largest_step(found) == found[4]


def test_noise_has_no_tone_and_neither_have_the_first_points():
    found = measured(100, 250, 90, 140, 105, 130, 98, 180)

    assert {each.tone for each in found} == {Tone.SAME}
    assert largest_step(found) is None


def test_a_series_of_whole_numbers_that_never_moved_is_calm_until_it_moves_by_two_percent():
    assert [each.tone for each in measured(200, 200, 200, 200, 203)][-1] is Tone.SAME
    assert [each.tone for each in measured(200, 200, 200, 200, 205)][-1] is Tone.WORSE


def test_the_change_after_a_zero_is_unknown():
    assert [each.change for each in measured(0, 5, 10)] == [None, None, 1.0]


def numbers(path):
    """Read a path of steps as places."""
    found, x, y = [], 0, 0
    for letter, one, other in re.findall(r"([Ml])(-?\d+) ?(-?\d+)", path):
        x, y = (int(one), int(other)) if letter == "M" else (x + int(one), y + int(other))
        found.append((x, y))
    return found


def framed(values, *, also=()):
    line = np.array(values, dtype=float)
    frame = plot.frame([line], 0, len(values) - 1, also=also)
    return frame, *plot.drawn(frame, plot.thinned(line, 0, len(values) - 1))


@pytest.mark.parametrize(
    "values", [[7], [0, 0], [1e-300, 2e-300], [-1e100, 1e100], [3, 3, 3], [1, 1 + 1e-15], [-5, -4]]
)
def test_every_range_of_values_gets_a_scale(values):
    frame, middle, _ = framed(values, also=[values[0]])
    small = plot.spark(values)

    assert 2 <= len(frame.ticks) <= 8
    assert all(0 <= y <= plot.HEIGHT for _, y in numbers(middle)) and 0 <= small.y <= small.height


def test_no_points_make_no_chart():
    with pytest.raises(ValueError, match="at least one point"):
        plot.frame([np.full(5, np.nan)], 0, 4)
    with pytest.raises(ValueError, match="at least one point"):
        plot.spark([])


VALUES = st.floats(min_value=-1e100, max_value=1e100)


@given(
    st.lists(st.one_of(VALUES, st.just(float("nan"))), min_size=1, max_size=30).filter(
        lambda line: any(map(math.isfinite, line))
    )
)
def test_every_point_lies_inside_of_its_chart_and_every_label_is_finite(values):
    frame, middle, _ = framed(values)

    places = numbers(middle)
    assert len(places) == sum(map(math.isfinite, values))
    assert all(
        plot.LEFT <= x <= plot.WIDTH - plot.RIGHT and plot.TOP <= y <= plot.HEIGHT - plot.BOTTOM for x, y in places
    )
    assert all(map(math.isfinite, frame.ticks)) and "nan" not in middle


def test_a_long_series_is_drawn_with_few_points_and_no_extreme_is_lost():
    values = np.sin(np.arange(2000) / 7)
    values[1234], values[77] = 9.0, -9.0

    thin = plot.thinned(values, 0, 1999)

    assert 3 * thin.at.size <= plot.MOST_DRAWN and not thin.is_whole
    assert (thin.low.min(), thin.high.max()) == (-9.0, 9.0)
    assert (thin.low <= thin.middle).all() and (thin.middle <= thin.high).all()


def test_a_level_lasts_from_shift_to_shift_and_its_band_is_three_sigma_wide():
    values = np.array([10.0] * 5 + [20.0] * 5)

    whole, parts = plot.levels(values, []), plot.levels(values, [5], sigma=0.01)

    assert [each.value for each in whole] == [15.0]
    assert [(each.first, each.last, each.value) for each in parts] == [(0, 4, 10.0), (5, 9, 20.0)]
    assert (parts[1].low, parts[1].high) == pytest.approx((19.4, 20.6))


def test_a_group_is_the_geometric_mean_of_its_benchmarks_relative_to_their_middle():
    assert groups.together([[10, 10, 20], [5, 5, 10]]) == pytest.approx([1, 1, 2])
    assert groups.together([[10, 10, 40], [7]]) == pytest.approx([1, 1, 2])
    assert groups.together([[0, 4]]) == pytest.approx([1]) and groups.together([]) == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"), (781.93, "781.9"), (12345.6, "12\u202f346"), (0.012349, "0.01235"), (-3.5, "−3.5"), (61.0, "61"),
        (1e-9, "1.000e−09"), (1e30, "1.000e+30"), (math.nan, "–"), (None, "–"), (9999.99, "10\u202f000"),
    ],
)  # fmt: skip
def test_an_amount_has_four_significant_digits(value, shown):
    assert filters.amount(value) == shown


def test_changes_durations_sizes_and_times_read_as_people_write_them():
    assert [filters.percent(each) for each in (0.049, -0.0022, 1.5, 0.0, None)] == [
        "+4.9 %", "−0.22 %", "+150 %", "±0 %", "–"
    ]  # fmt: skip
    assert [filters.duration(each) for each in (0.84, 12.34, 59.96, 185, 7800, None)] == [
        "840 ms", "12.3 s", "1 min 00 s", "3 min 05 s", "2 h 10 min", "–"
    ]  # fmt: skip
    assert [filters.bytes_(each) for each in (0, 1023, 3_355_443, None)] == ["0 bytes", "1023 bytes", "3.2 MiB", "–"]
    assert filters.ago(NOW, datetime(2026, 11, 3, 12, 3, 59, tzinfo=UTC)) == "3 min ago"
    assert filters.ago(NOW, datetime(2026, 11, 3, 11, 57, tzinfo=UTC)) == "in 3 min"


def test_a_commit_links_to_its_forge_only_where_there_is_one():
    assert filters.commit_address("github", "https://github.com/a/b.git", "c0") == "https://github.com/a/b/commit/c0"
    assert filters.commit_address("gitlab", "https://gitlab.com/a/g/b", "c0") == "https://gitlab.com/a/g/b/-/commit/c0"
    assert filters.commit_address("git", "https://elsewhere/b.git", "c0") is None
    assert filters.commit_address("github", "javascript:alert(1)", "c0") is None
