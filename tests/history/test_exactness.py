"""What is claimed to be exact is held against counting every case."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.history import pelt, ranks
from app.history.robust import median, running_median, spread
from app.history.standing import prune
from tests.history.bounds import QUIET


def all_signed_sums(values: np.ndarray) -> list[float]:
    """T⁺ for every choice of signs of the non-zero differences."""
    own = ranks.midranks(np.abs(values))[values != 0]
    return [float(own @ np.array(signs)) for signs in itertools.product((0, 1), repeat=len(own))]


@QUIET
@given(some.lists(some.integers(-4, 4), min_size=1, max_size=9))
def test_the_p_of_signed_ranks_is_the_share_of_all_signs_as_far_out(differences: list[int]) -> None:
    values = np.array(differences, dtype=float)
    own = ranks.midranks(np.abs(values))
    observed = float(own[values > 0].sum())
    everything = all_signed_sums(values)
    smaller = min(observed, float(own[values != 0].sum()) - observed)

    expected = min(1.0, 2 * sum(each <= smaller for each in everything) / len(everything))

    assert ranks.signed_rank_p(values) == pytest.approx(expected)


@pytest.mark.parametrize("pairs", [1, 2, 5, 8, 11])
def test_the_distribution_of_signed_ranks_is_that_of_all_subsets(pairs: int) -> None:
    sums = [sum(chosen) for size in range(pairs + 1) for chosen in itertools.combinations(range(1, pairs + 1), size)]

    table = ranks.signed_rank_cdf(pairs)

    assert table.tolist() == [sum(each <= t for each in sums) / 2**pairs for t in range(len(table))]


def test_the_interval_of_signed_ranks_begins_where_the_books_say() -> None:
    """At 99 %: none for 7 pairs, the extremes for 8 … 9, and the tabulated 5 % and 1 % values for more."""
    assert [ranks.signed_rank_cut(n, 0.99) for n in (7, 8, 9, 10, 16, 25)] == [None, 0, 1, 3, 19, 68]
    assert [ranks.signed_rank_cut(n, 0.95) for n in (5, 6, 10, 20)] == [None, 0, 8, 52]
    assert [ranks.signed_rank_cut(n, 0.9975) for n in (9, 10)] == [None, 0]


def test_beyond_the_table_the_normal_tail_goes_on_smoothly() -> None:
    values = np.random.default_rng(1).normal(0.2, 1, 64)
    more = np.append(values, 1e-9)

    assert ranks.signed_rank_p(more) == pytest.approx(ranks.signed_rank_p(values), rel=0.1)
    last, first = ranks.signed_rank_cut(64, 0.99), ranks.signed_rank_cut(65, 0.99)
    assert last is not None and first is not None
    assert 0 < first - last < 40


@pytest.mark.parametrize(("pairs", "level", "cut"), [(7, 0.99, None), (8, 0.99, 0), (16, 0.99, 2), (64, 0.9975, 19)])
def test_the_interval_of_signs_leaves_out_what_the_binomial_allows(pairs: int, level: float, cut: int | None) -> None:
    def tail(count: int) -> float:
        return sum(math.comb(pairs, k) for k in range(count + 1)) / 2**pairs

    found = ranks.sign_cut(pairs, level)

    assert found == cut
    assert tail(-1 if found is None else found) <= (1 - level) / 2 < tail((-1 if found is None else found) + 1)


def test_the_sign_test_counts_only_differences() -> None:
    assert ranks.sign_p(np.array([0.0, 0, 1, 1, 1, 1, 1, -1])) == 2 * (1 + 6) / 64
    assert ranks.sign_p(np.zeros(5)) == 1.0


def counted(shorter: int, longer: int) -> list[int]:
    """How many arrangements have each U, by the recurrence of Mann and Whitney."""
    table: dict[tuple[int, int], list[int]] = {}
    for n in range(shorter + 1):
        for m in range(longer + 1):
            counts = [0] * (n * m + 1)
            if n == 0 or m == 0:
                counts = [1]
            else:
                for u, count in enumerate(table[n - 1, m]):
                    counts[u + m] += count
                for u, count in enumerate(table[n, m - 1]):
                    counts[u] += count
            table[n, m] = counts
    return table[shorter, longer]


@pytest.mark.parametrize(("shorter", "longer"), [(1, 1), (1, 6), (3, 3), (3, 40), (7, 9), (20, 25)])
def test_the_distribution_of_u_keeps_its_digits_into_the_far_tail(shorter: int, longer: int) -> None:
    counts, total = counted(shorter, longer), math.comb(shorter + longer, shorter)

    table = ranks.u_cdf(shorter, longer)

    exact = [sum(counts[: u + 1]) / total for u in range(len(table))]
    assert table == pytest.approx(exact, rel=1e-12)


def test_three_points_against_many_reach_any_certainty() -> None:
    """The normal tail ends at z = 3 with three points on a side."""
    found = ranks.two_sided(ranks.u_deviate(np.arange(97.0), np.array([200.0, 201, 202])))

    assert found == pytest.approx(2 / math.comb(100, 3))


def test_of_a_long_side_only_the_nearest_four_hundred_points_count_beside_a_short_one() -> None:
    """Where the level lay long ago says nothing of the step now."""
    long_ago, near = 5 + np.arange(1000) / 1e4, np.arange(400) / 1e4
    fresh = np.array([5.0, 5.1, 5.2])

    with_past = ranks.u_deviate(np.concatenate((long_ago, near)), fresh)

    assert with_past == ranks.u_deviate(near, fresh)
    assert ranks.u_deviate(fresh[::-1], np.concatenate((near, long_ago))) == pytest.approx(with_past)


def test_equal_samples_are_not_different_at_all() -> None:
    assert ranks.u_deviate(np.ones(50), np.ones(60)) == 0.0
    assert ranks.u_deviate(np.ones(5), np.ones(60)) == 0.0
    assert ranks.u_deviate(np.zeros(0), np.ones(6)) == 0.0


def test_ties_widen_nothing_in_the_long_form() -> None:
    """Tie-corrected variance against the definition, worked with sums over the groups of equal values."""
    left, right = np.repeat([1.0, 2.0, 3.0], [20, 10, 5]), np.repeat([1.0, 2.0, 3.0], [8, 12, 15])
    n, m = len(left), len(right)
    u = sum((x > y) + (x == y) / 2 for x in left for y in right)
    ties = sum(count**3 - count for count in (28, 22, 20))
    variance = n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1)))

    assert ranks.u_deviate(left, right) == pytest.approx((abs(u - n * m / 2) - 0.5) / math.sqrt(variance))


def test_p_and_deviate_are_each_others_inverse() -> None:
    for z in (0.0, 0.5, 3.29, 10.0, 30.0):
        assert ranks.deviate(ranks.two_sided(z)) == pytest.approx(z, abs=1e-9)
    assert math.isfinite(ranks.deviate(0.0))


def least_squares(values: np.ndarray, penalty: float) -> float:
    """Give the least cost of any partition into segments of three points or more, by trying every last segment."""
    n = len(values)
    best = [-penalty] + [math.inf] * n
    for end in range(3, n + 1):
        for start in range(end - 2):
            piece = values[start:end]
            best[end] = min(best[end], best[start] + float(((piece - piece.mean()) ** 2).sum()) + penalty)
    return best[n]


def cost(values: np.ndarray, cuts: list[int], penalty: float) -> float:
    pieces = np.split(values, cuts)
    assert all(len(piece) >= 3 for piece in pieces)
    return sum(float(((piece - piece.mean()) ** 2).sum()) for piece in pieces) + penalty * len(cuts)


def test_the_partition_is_the_best_of_all(campaign: int) -> None:
    random = np.random.default_rng(1)
    for _ in range(150 if campaign == 1 else 3000):
        size = int(random.integers(6, 60))
        steps = np.repeat(3 * random.normal(size=size), random.integers(1, 9, size=size))[:size]
        values = random.normal(size=size) + steps
        penalty = float(random.choice([0.1, 1.0, 3.0, 10.0, 30.0]))

        cuts = pelt.cuts(values, penalty)

        assert cost(values, cuts, penalty) == pytest.approx(least_squares(values, penalty))


def test_too_few_points_are_not_cut() -> None:
    assert pelt.cuts(np.array([0.0, 0, 9, 9, 9]), 0.1) == []
    assert pelt.cuts(np.array([0.0, 0, 0, 9, 9, 9]), 0.1) == [3]


@QUIET
@given(some.lists(some.floats(-1e6, 1e6), min_size=1, max_size=80), some.sampled_from([3, 5, 31]))
def test_a_running_median_is_the_median_of_each_window_cut_off_at_the_ends(given: list[float], window: int) -> None:
    values, half = np.array(given), window // 2

    expected = [np.median(values[max(0, at - half) : at + half + 1]) for at in range(len(values))]

    assert running_median(values, window).tolist() == pytest.approx(expected)


@QUIET
@given(some.lists(some.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_median_and_spread_are_those_of_the_books(given: list[float]) -> None:
    values = np.array(given)

    assert median(values) == pytest.approx(float(np.median(values)))
    assert spread(values) == pytest.approx(1.4826 * float(np.median(np.abs(values - np.median(values)))), abs=1e-6)


def test_the_median_of_two_huge_values_is_a_number() -> None:
    assert median(np.array([1.7e308, 1.7e308])) == 1.7e308


def test_with_ties_the_exact_form_is_never_surer_than_the_shares_of_all_arrangements() -> None:
    left, right = np.array([1.0, 2.0]), np.array([2.0, 3.0])
    both = ranks.midranks(np.concatenate((left, right)))
    sums = [sum(chosen) for chosen in itertools.combinations(both.tolist(), 2)]

    p = ranks.two_sided(ranks.u_deviate(left, right))

    assert p == pytest.approx(2 * sum(each <= both[:2].sum() for each in sums) / len(sums))


class Scripted:
    """A judge that knows in advance what stands."""

    y = np.zeros(40)

    def judge(self, before: int, cut: int, after: int) -> tuple[float, bool]:
        return {
            (0, 10, 20): (5.0, False),
            (10, 20, 30): (1.0, False),
            (20, 30, 40): (9.0, True),
            (0, 10, 30): (8.0, True),
            (10, 30, 40): (9.0, True),
        }.get((before, cut, after), (0.0, False))


def test_the_least_certain_cut_goes_first_because_its_neighbours_may_stand_without_it() -> None:
    assert prune(Scripted(), [10, 20, 30]) == {10: 8.0, 30: 9.0}
