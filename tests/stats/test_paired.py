import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from whydiff.core.estimate import Estimate
from whydiff.stats.paired import (
    BETTER,
    EQUIVALENT,
    INCONCLUSIVE,
    WORSE,
    adjusted,
    complete_pairs,
    equivalence,
    probability,
    shift,
    sign_flip,
    verdict,
)
from whydiff.testing.simulations import coverage, few, many

RNG = np.random.default_rng


def test_shift_is_the_paired_t_test():
    rng = RNG(0)
    a, b = rng.normal(size=9), rng.normal(size=9) + 0.5
    expected = stats.ttest_rel(b, a).confidence_interval(0.95)
    found = shift(a, b)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.value == pytest.approx(np.mean(b) - np.mean(a))


def test_pairs_with_a_missing_half_are_left_out_and_counted():
    found = shift([1.0, math.nan, 2.0, 3.0], [2.0, 1.0, math.inf, 5.0])
    assert (found.n, found.left_out, found.value) == (2, 2, 1.5)
    with pytest.raises(ValueError, match="3 and 2"):
        complete_pairs([1, 2, 3], [1, 2])


@given(st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=9))
def test_sign_flip_counts_every_flip(differences):
    d = np.array(differences)
    signs = np.array(np.meshgrid(*[[-1, 1]] * len(d))).reshape(len(d), -1)
    expected = np.mean(np.abs(d @ signs) >= abs(d.sum()) - 1e-9)
    assert sign_flip(d, RNG(0)) == pytest.approx(expected)


def test_pairs_that_never_differ_have_no_shift_of_no_width():
    found = shift([0.9, 0.8, 0.7], [0.9, 0.8, 0.7])
    assert (found.low, found.high) == (-math.inf, math.inf) and "all 3 pairs" in found.note
    within = shift([0.9] * 5, [0.9] * 5, bounds=(0.0, 1.0))
    share = 1 - 0.05 ** (1 / 5)
    assert (within.low, within.high) == pytest.approx((-share, share))
    by_rounding = shift([0.1, 0.2, 0.3], [0.1 + 0.2, 0.2 + 0.2, 0.3 + 0.2])
    assert by_rounding.high == math.inf


def test_sign_flip_agrees_with_scipy_and_with_itself_when_sampled():
    d = RNG(1).normal(size=10) + 0.4
    known = stats.permutation_test(
        (d,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    ).pvalue
    assert sign_flip(d, RNG(0)) == pytest.approx(known)
    many_pairs = RNG(2).normal(size=40) + 0.3
    assert sign_flip(many_pairs, RNG(0)) == pytest.approx(
        stats.ttest_1samp(many_pairs, 0).pvalue, abs=0.02
    )


def test_sign_flip_of_nothing_one_and_five():
    assert math.isnan(sign_flip([], RNG(0))) and math.isnan(sign_flip([math.nan], RNG(0)))
    assert sign_flip([3.0], RNG(0)) == 1
    assert sign_flip([1.0, 2, 3, 4, 5], RNG(0)) == 2 / 32  # five pairs cannot go below
    assert sign_flip([0.0] * 8, RNG(0)) == 1


def test_probability_of_b_above_a():
    a, b = np.array([1.0, 2, 3, 4]), np.array([2.0, 3, 4, 5])
    above = np.mean([(y > x) + (y == x) / 2 for y in b for x in a])
    found = probability(a, b)
    assert found.value == pytest.approx(above) and 0 < found.low < above < found.high < 1
    other = probability(b, a)
    assert (1 - other.value, 1 - other.high) == pytest.approx((found.value, found.low))


def test_probability_keeps_within_0_and_1():
    apart = probability([1.0, 2, 3, 4, 5], [11.0, 12, 13, 14, 15])
    assert apart.value == apart.high == 1 and apart.low == pytest.approx(0.025**0.2)
    assert "every run of B is above" in apart.note
    assert probability([5.0, 6, 7], [1.0, 2, 3]).low == 0
    same = probability([3.0] * 4, [3.0] * 4)
    assert same.value == 0.5 and "up to 53 %" in same.note
    assert (same.low, same.high) == pytest.approx((0.5 * 0.05**0.25, 1 - 0.5 * 0.05**0.25))
    two = probability([1.0, 2.0], [3.0, 4.0])
    assert (two.value, two.low, two.high) == (1.0, 0.0, 1.0) and "takes 3 pairs" in two.note
    assert probability([1.0], [2.0]).low == 0 and math.isnan(probability([], []).value)


def test_equivalence_is_two_one_sided_tests():
    rng = RNG(3)
    a = rng.normal(size=20)
    b = a + rng.normal(size=20) * 0.2
    found = equivalence(a, b, 0.3)
    one = stats.ttest_1samp(b - a, -0.3, alternative="greater").pvalue
    other = stats.ttest_1samp(b - a, 0.3, alternative="less").pvalue
    assert found.p == pytest.approx(max(one, other)) and found.equivalent
    assert found.interval.confidence == pytest.approx(0.9)
    assert found.equivalent == (found.interval.low > -0.3 and found.interval.high < 0.3)
    assert not equivalence(a, b + 0.3, 0.3).equivalent


def test_equivalence_of_few_or_equal_pairs():
    assert not equivalence([1.0], [1.0], 5).equivalent
    assert math.isnan(equivalence([], [], 5).p)
    assert not equivalence([1.0, 2], [1.0, 2], 0.5).equivalent  # ties alone prove nothing
    many_pairs = list(range(59))
    assert equivalence(many_pairs, many_pairs, 0).equivalent
    assert equivalence(many_pairs, many_pairs, 0).p == pytest.approx(0.95**59)
    assert not equivalence([1.0, 2], [2.0, 3], 0.5).equivalent
    with pytest.raises(ValueError, match="-1"):
        equivalence([1.0], [1.0], -1)


@pytest.mark.parametrize(
    "low, high, expected",
    [
        (0.11, 0.5, BETTER), (-0.5, -0.11, WORSE), (-0.1, 0.1, EQUIVALENT),
        (0.05, 0.3, INCONCLUSIVE), (-math.inf, math.inf, INCONCLUSIVE),
        (math.nan, math.nan, INCONCLUSIVE),
    ],
)  # fmt: skip
def test_verdicts(low, high, expected):
    assert verdict(Estimate((low + high) / 2, low, high, 9), margin=0.1) == expected


def test_one_pair_is_no_verdict():
    assert verdict(shift([1.0], [1.0]), margin=3) == INCONCLUSIVE


def pairs(rng, n, correlation=0.0, gap=0.0):
    seed = rng.normal(size=n) * math.sqrt(correlation)
    own = math.sqrt(1 - correlation)
    return seed + own * rng.normal(size=n), seed + own * rng.normal(size=n) + gap


@pytest.mark.long
@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_type_one_error_and_coverage_at_ten_pairs(correlation):
    rng, trials = RNG(5), 500
    alike = [pairs(rng, 10, correlation) for _ in range(trials)]
    assert few(np.mean([sign_flip(b - a, rng) <= 0.05 for a, b in alike]), 0.05, trials)
    assert many(coverage(0.5, (probability(a, b) for a, b in alike)), 0.95, trials)
    assert many(coverage(0.0, (shift(a, b) for a, b in alike)), 0.95, trials)
    edge = [pairs(rng, 10, correlation, gap=0.7) for _ in range(trials)]
    assert few(np.mean([equivalence(a, b, 0.7).equivalent for a, b in edge]), 0.05, trials)


@pytest.mark.thorough
@pytest.mark.parametrize("n", [5, 20, 60])
def test_type_one_error_and_coverage_for_few_and_many_pairs(n):
    rng, trials = RNG(n), 800
    for correlation in (0.0, 0.6):
        alike = [pairs(rng, n, correlation) for _ in range(trials)]
        assert few(np.mean([sign_flip(b - a, rng) <= 0.05 for a, b in alike]), 0.05, trials)
        apart = [pairs(rng, n, correlation, gap=1.0) for _ in range(trials)]
        truth = stats.norm.cdf(1 / math.sqrt(2))  # of independent seeds, whatever the correlation
        assert many(coverage(truth, (probability(a, b) for a, b in apart)), 0.94, trials)
        assert few(np.mean([equivalence(a, b, 1.0).equivalent for a, b in apart]), 0.05, trials)
        inside = [pairs(rng, n, correlation) for _ in range(trials)]
        if n == 60:
            assert np.mean([equivalence(a, b, 1.0).equivalent for a, b in inside]) > 0.95


def test_secondary_metrics_pay_for_their_number():
    found = adjusted([0.01, math.nan, 0.04, 0.03])
    assert math.isnan(found[1])
    assert found[[0, 2, 3]] == pytest.approx([0.03, 0.04, 0.04])
    assert adjusted([]).size == 0


def test_differences_below_the_resolution_of_the_metric_are_none():
    a = np.ones(6)
    below, above = (a + np.array([0, 1, 0, 1, 0, 1]) * 2.0**e for e in (-22, -19))
    assert "same number" in shift(a, below).note
    found = shift(a, above)
    assert not found.note and found.low < found.value < found.high


def test_probability_of_runs_that_never_overlap():
    low, high = [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]
    bound = 0.025 ** (1 / 3)
    above, below = probability(low, high), probability(high, low)
    assert (above.value, above.low, above.high) == (1.0, pytest.approx(bound), 1.0)
    assert (below.value, below.low, below.high) == (0.0, 0.0, pytest.approx(1 - bound))
    assert above.n == below.n == 3 and "above all of A" in above.note
    tied = probability([1.0] * 3, [1.0] * 3)
    share = 1 - 0.05 ** (1 / 3)
    assert (tied.low, tied.high) == pytest.approx((0.5 - share / 2, 0.5 + share / 2))
