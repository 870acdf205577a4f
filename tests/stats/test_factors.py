import math

import numpy as np
import pytest
from scipy import stats

from whydiff.stats.factors import factor_effect, spread_ratio
from whydiff.testing.simulations import coverage, few, many, predicted

RNG = np.random.default_rng


def test_a_factor_that_only_shifts():
    rng = RNG(0)
    a = rng.normal(size=20)
    found = factor_effect(a, a + 2, rng)
    assert found.shift.value == pytest.approx(2)
    assert found.p < 0.001 and found.above.value > 0.9 and found.churn is None
    assert found.spread.ratio.value == pytest.approx(1) and found.spread.p == 1


def test_a_factor_that_only_widens():
    rng = RNG(1)
    a, b = rng.normal(size=40), 3 * rng.normal(size=40)
    found = factor_effect(a, b, rng)
    assert found.p > 0.05 and found.spread.p < 0.01
    assert found.spread.ratio.low > 1 and 3.0 in found.spread.ratio


def test_predictions_come_along():
    rng = RNG(2)
    labels = predicted(rng, 8), predicted(rng, 8, taste=1.5)
    found = factor_effect(np.arange(8.0), np.arange(8.0), rng, labels=labels)
    assert found.churn.p < 0.05 and found.shift.value == 0


def test_the_unpaired_test_is_levenes():
    rng = RNG(3)
    a, b = rng.normal(size=12), 2 * rng.normal(size=15)
    found = spread_ratio(a, b, rng, paired_by_seed=False)
    assert found.p == pytest.approx(stats.levene(a, b, center="median").pvalue)
    assert found.ratio.value == pytest.approx(np.std(b, ddof=1) / np.std(a, ddof=1))


def test_few_constant_and_missing_runs():
    rng = RNG(4)
    assert "three runs" in spread_ratio([1.0, 2], [1.0, 3], rng).ratio.note
    assert "A gave the same number" in spread_ratio([1.0] * 5, [1.0, 2, 3, 4, 5], rng).ratio.note
    both = spread_ratio([1.0] * 5, [2.0] * 5, rng)
    assert "A and B" in both.ratio.note and math.isnan(both.p)
    one = spread_ratio([1.0, 1, 1, 1, 2], [1.0, 2, 3, 4, 5], rng).ratio
    assert one.high == math.inf and "all runs but one" in one.note
    nan = spread_ratio([1.0, math.nan, 3, 4, 2], [1.0, 2, 3, math.inf, 5], rng).ratio
    assert (nan.n, nan.left_out) == (3, 2) and 0 < nan.low < nan.value < nan.high
    nothing = factor_effect([], [], rng)
    assert math.isnan(nothing.p) and nothing.shift.n == 0


def two(rng, n, ratio, correlation):
    seed, own = math.sqrt(correlation) * rng.normal(size=n), math.sqrt(1 - correlation)
    return seed + own * rng.normal(size=n), ratio * (seed + own * rng.normal(size=n))


@pytest.mark.long
def test_coverage_and_size():
    rng, trials = RNG(5), 300
    alike = [spread_ratio(*two(rng, 10, 1, 0.5), rng, permutations=200) for _ in range(trials)]
    assert few(np.mean([f.p <= 0.05 for f in alike]), 0.05, trials)
    assert many(coverage(1.0, (f.ratio for f in alike)), 0.94, trials)


@pytest.mark.thorough
@pytest.mark.parametrize("n", [8, 30])
@pytest.mark.parametrize("paired", [True, False])
def test_coverage_size_and_power(n, paired):
    rng, trials = RNG(n), 500
    for correlation in (0.0, 0.6) if paired else (0.0,):

        def run(ratio, correlation=correlation):
            return [
                spread_ratio(
                    *two(rng, n, ratio, correlation), rng, paired_by_seed=paired, permutations=300
                )
                for _ in range(trials)
            ]

        alike, wider = run(1.0), run(2.0)
        # The permutation is exact only where A and B have the same law; the medians cost a bit.
        assert few(np.mean([f.p <= 0.05 for f in alike]), 0.06, trials)
        assert many(coverage(2.0, (f.ratio for f in wider)), 0.93, trials)
        if n == 30:
            assert np.mean([f.p <= 0.05 for f in wider]) > 0.8
