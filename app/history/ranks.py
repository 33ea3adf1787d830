"""Distributions of ranks without tables: signed ranks and Mann–Whitney's U, exact where samples are small. Pure."""

import math
from functools import lru_cache
from statistics import NormalDist

from app.history.arrays import Floats, Integers, np

EXACT_PAIRS = 64  # signed ranks of more pairs take the normal tail
EXACT_SIDE = 20  # two samples of which the shorter has at most so many take the exact distribution of U
NEAREST = 400  # of the longer side, where the exact distribution is used: it bounds the table
SMALLEST_P = 1e-300  # below it the inverse of the normal tail leaves the numbers

_NORMAL = NormalDist()


def midranks(values: Floats) -> Floats:
    """Rank from 1 up; equal values share the mean of their ranks."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(values) else np.zeros(0, int)
    counts = np.diff(np.append(first, len(values)))
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(first + (counts + 1) / 2, counts)
    return ranks


def two_sided(z: float) -> float:
    """Give the probability of a normal deviate at least so far from zero, on either side."""
    return math.erfc(abs(z) / math.sqrt(2))


def deviate(p: float) -> float:
    """Give the z ≥ 0 whose two-sided normal tail is p; p below 1e-300 counts as 1e-300."""
    return -_NORMAL.inv_cdf(min(max(p, SMALLEST_P), 1.0) / 2) + 0.0


@lru_cache(maxsize=128)
def signed_rank_cdf(pairs: int) -> Floats:
    """Tabulate P(T⁺ ≤ t) for t = 0 … n(n+1)/2 without ties, by adding one rank at a time.

    Source:
        Wilcoxon (1945): each rank is in T⁺ with probability ½, independently.
    """
    return np.cumsum(_sums(np.arange(1, pairs + 1)))


def _sums(weights: Integers) -> Floats:
    """Distribution of the sum of a random half of the weights."""
    chances = np.zeros(int(weights.sum()) + 1)
    chances[0] = 1.0
    reach = 0
    for weight in weights.tolist():
        reach += weight
        chances[weight : reach + 1] += chances[: reach + 1 - weight].copy()
        chances[: reach + 1] *= 0.5
    return chances


def signed_rank_cut(pairs: int, level: float) -> int | None:
    """Find the largest c with P(T⁺ ≤ c) ≤ (1−level)/2; None if even c = 0 is too likely.

    More than 64 pairs take the normal tail.
    """
    if pairs > EXACT_PAIRS:
        spread = math.sqrt(pairs * (pairs + 1) * (2 * pairs + 1) / 24)
        return math.floor(pairs * (pairs + 1) / 4 - deviate(1 - level) * spread - 0.5)
    c = int(np.searchsorted(signed_rank_cdf(pairs), (1 - level) / 2 * (1 + 1e-12), side="right")) - 1
    return c if c >= 0 else None


def sign_cut(pairs: int, level: float) -> int | None:
    """Find the largest c with P(Binomial(n, ½) ≤ c) ≤ (1−level)/2; None if even c = 0 is too likely."""
    total, allowed, c = 0, (1 - level) / 2 * 2**pairs * (1 + 1e-12), -1
    while c < pairs and (total := total + math.comb(pairs, c + 1)) <= allowed:
        c += 1
    return c if c >= 0 else None


def signed_rank_p(differences: Floats) -> float:
    """Test whether differences are symmetric around zero: Wilcoxon's signed ranks, two-sided.

    Zeros keep their place in the ranking and have no sign (Pratt, 1959). Up to 64 differences the chance is exact,
    given the ties: every sign is as likely as its opposite. More take the normal tail.
    """
    ranks = midranks(np.abs(differences))
    signed = differences != 0
    if not signed.any():
        return 1.0
    positive, all_ranks = float(ranks[differences > 0].sum()), ranks[signed]
    smaller = min(positive, float(all_ranks.sum()) - positive)
    if len(differences) > EXACT_PAIRS:
        spread = math.sqrt(float(all_ranks @ all_ranks) / 4)
        return two_sided(max(0.0, float(all_ranks.sum()) / 2 - smaller - 0.5) / spread)
    if signed.all() and len(np.unique(ranks)) == len(ranks):
        return min(1.0, 2 * float(signed_rank_cdf(len(ranks))[int(smaller)]))  # no ties: the table is there
    doubled = np.rint(2 * all_ranks).astype(np.int64)  # midranks are halves
    return min(1.0, 2 * float(_sums(doubled)[: round(2 * smaller) + 1].sum()))


def sign_p(differences: Floats) -> float:
    """Test whether half of the non-zero differences are positive: the sign test, exact, two-sided."""
    positive, negative = int((differences > 0).sum()), int((differences < 0).sum())
    both, fewer = positive + negative, min(positive, negative)
    return min(1.0, float(2 * sum(math.comb(both, k) for k in range(fewer + 1)) / 2**both))


@lru_cache(maxsize=64)
def u_cdf(shorter: int, longer: int) -> Floats:
    """Tabulate P(U ≤ u) for u = 0 … mn/2 without ties.

    The number of arrangements with U = u is the coefficient of q^u of the Gaussian binomial coefficient
    Π (1−q^(m+i)) / (1−q^i). Dividing by 1−q^i is a cumulative sum with stride i. Only the lower half is made: there
    each coefficient comes from smaller ones, so that the far tail keeps its digits.
    """
    length = shorter * longer // 2 + 1
    counts = np.zeros(length)
    counts[0] = 1.0
    for i in range(1, shorter + 1):
        if longer + i < length:
            counts[longer + i :] -= counts[: length - longer - i].copy()
        padded = np.zeros(-(-length // i) * i)
        padded[:length] = counts
        counts = np.cumsum(padded.reshape(-1, i), axis=0).ravel()[:length]
    return np.cumsum(counts) / math.comb(shorter + longer, shorter)


def u_deviate(left: Floats, right: Floats) -> float:
    """Say how surely two samples differ in level: a z ≥ 0, from the exact distribution of U where a side is short.

    Args:
        left: one sample, its points nearest to the other sample last.
        right: the other one, its nearest points first.
    Source:
        Mann and Whitney (1947). Up to 20 points on the shorter side the distribution is exact without ties and
        conservative with them: the normal tail cannot reach p = .001 with three points. Else the normal tail with
        the variance corrected for ties and a continuity correction of ½.
    """
    if min(len(left), len(right)) == 0:
        return 0.0
    exact = min(len(left), len(right)) <= EXACT_SIDE
    if exact:
        left, right = left[-NEAREST:], right[:NEAREST]
    n, m = len(left), len(right)
    ranks = midranks(np.concatenate((left, right)))
    u = float(ranks[:n].sum()) - n * (n + 1) / 2
    if exact:
        table = u_cdf(min(n, m), max(n, m))
        return deviate(min(1.0, 2 * float(table[min(math.ceil(min(u, n * m - u)), len(table) - 1)])))
    return _normal_deviate(ranks, u, n, m)


def _normal_deviate(ranks: Floats, u: float, n: int, m: int) -> float:
    """Take U as normal; the ranks' own variance is already corrected for ties."""
    total = n + m
    variance = n * m / (total - 1) * (float(np.mean(ranks**2)) - ((total + 1) / 2) ** 2)
    if variance <= 0:
        return 0.0
    return max(0.0, abs(u - n * m / 2) - 0.5) / math.sqrt(variance)
