import math

import numpy as np
import pytest
from scipy import stats

from whydiff.stats.rates import rate_difference
from whydiff.testing.simulations import many


def failed(*counts):
    """Pairs in which both, A alone, B alone and none failed."""
    pairs = [(True, True), (True, False), (False, True), (False, False)]
    rows = [pair for pair, count in zip(pairs, counts, strict=True) for _ in range(count)]
    return np.array(rows, bool).reshape(-1, 2).T


@pytest.mark.parametrize("counts", [(0, 0, 5, 7), (3, 2, 9, 1), (1, 4, 4, 1), (0, 0, 0, 6)])
def test_p_is_mcnemars_exact_test(counts):
    _, a, b, _ = counts
    expected = stats.binomtest(a, a + b).pvalue if a + b else 1.0
    assert rate_difference(*failed(*counts)).p == pytest.approx(expected)


def test_the_interval_joins_two_exact_ones():
    found = rate_difference(*failed(0, 1, 4, 7)).difference
    low_a, high_a = stats.binomtest(1, 12).proportion_ci(0.975, method="exact")
    low_b, high_b = stats.binomtest(4, 12).proportion_ci(0.975, method="exact")
    assert found.value == pytest.approx(3 / 12) and found.n == 12
    assert (found.low, found.high) == pytest.approx((low_b - high_a, high_b - low_a))


def test_no_failure_is_no_proof_and_no_pair_no_answer():
    found = rate_difference([False] * 12, [False] * 12).difference
    assert found.value == 0 and found.low == -found.high < -0.2
    nothing = rate_difference([], [])
    assert math.isnan(nothing.p) and nothing.difference.n == 0
    with pytest.raises(ValueError, match="2 and 1"):
        rate_difference([True, False], [True])


@pytest.mark.long
@pytest.mark.parametrize("n", [5, 20])
def test_coverage_for_rare_and_frequent_failures(n):
    rng, trials = np.random.default_rng(n), 300
    for p, q in ((0.0, 0.1), (0.1, 0.1), (0.3, 0.7)):
        held = [
            q - p in rate_difference(rng.random(n) < p, rng.random(n) < q).difference
            for _ in range(trials)
        ]
        assert many(np.mean(held), 0.95, trials)
