"""`python -m benchmarks.crosscheck [SERIES]`: hold our statistics against scipy's and our partition against ruptures'.

Both are large and nothing else needs them: `make test-all` runs this in an environment of its own.
"""

import sys

import numpy as np
import ruptures
from scipy import stats

from app.history import multiplicity, noise, pelt, ranks
from benchmarks.injected import Floats

CLOSE = 1e-9  # relative


def main(count: int = 1000) -> int:
    """Compare everything; the exit status is 1 on the first difference."""
    random = np.random.default_rng(1)
    checks = (partition, exact_u, normal_u, signed_ranks, rates, discoveries)
    failed = [check.__name__ for check in checks if not all(check(random) for _ in range(count))]
    said = f"differs from scipy or ruptures: {', '.join(failed)}" if failed else "as scipy and ruptures say"
    print(f"{len(checks)} comparisons, {count} random cases each: {said}", file=sys.stderr)
    return 1 if failed else 0


def partition(random: np.random.Generator) -> bool:
    """Cut a series as ruptures' PELT in C does, or better: it prunes without waiting for the least segment."""
    size = int(random.integers(20, 200))
    steps = np.repeat(3 * random.normal(size=size), random.integers(5, 40, size=size))[:size]
    values = random.normal(size=size) + steps
    penalty = float(random.uniform(1, 30))
    ours = pelt.cuts(values, penalty)
    theirs = ruptures.KernelCPD(kernel="linear", min_size=3, jump=1).fit(values[:, None]).predict(pen=penalty)[:-1]
    return ours == theirs or _cost(values, ours, penalty) < _cost(values, theirs, penalty)


def _cost(values: Floats, cuts: list[int], penalty: float) -> float:
    pieces = np.split(values, cuts)
    return sum(float(((piece - piece.mean()) ** 2).sum()) for piece in pieces) + penalty * len(cuts)


def exact_u(random: np.random.Generator) -> bool:
    """Compare the exact test of two short samples without ties."""
    left, right = random.normal(size=random.integers(3, 21)), random.normal(1, 1, size=random.integers(3, 60))
    expected = stats.mannwhitneyu(left, right, method="exact").pvalue
    return _is_close(ranks.two_sided(ranks.u_deviate(left, right)), expected)


def normal_u(random: np.random.Generator) -> bool:
    """Compare the normal tail for two long samples with ties."""
    left, right = random.integers(0, 9, random.integers(21, 200)), random.integers(0, 10, random.integers(21, 200))
    expected = stats.mannwhitneyu(left, right, method="asymptotic").pvalue
    return _is_close(ranks.two_sided(ranks.u_deviate(left.astype(float), right.astype(float))), expected)


def signed_ranks(random: np.random.Generator) -> bool:
    """Compare the exact test of pairs without ties."""
    differences = random.normal(0.3, 1, size=random.integers(1, 50))
    return _is_close(ranks.signed_rank_p(differences), stats.wilcoxon(differences, method="exact").pvalue)


def rates(random: np.random.Generator) -> bool:
    """Compare the sign test and the interval of a rate."""
    signs = random.choice([-1.0, 0.0, 1.0, 1.0], size=random.integers(2, 100))
    hits, trials = int((signs > 0).sum()), int((signs != 0).sum())
    if not trials:
        return True
    expected = stats.binomtest(hits, trials)
    interval = expected.proportion_ci(0.99, method="exact")
    return _is_close(ranks.sign_p(signs), expected.pvalue) and bool(
        np.allclose(noise.binomial_interval(hits, trials), (interval.low, interval.high), atol=1e-6)
    )


def discoveries(random: np.random.Generator) -> bool:
    """Compare Benjamini and Hochberg's correction."""
    chances = random.random(random.integers(1, 60)) ** 3
    return bool(np.allclose(multiplicity.benjamini_hochberg(chances), stats.false_discovery_control(chances)))


def _is_close(ours: float, theirs: float) -> bool:
    return abs(ours - theirs) <= CLOSE * max(ours, theirs) + 1e-300


if __name__ == "__main__":
    sys.exit(main(*(int(argument) for argument in sys.argv[1:2])))
