import math

import numpy as np
import pytest
from scipy import stats

from whydiff.stats.equivalence import DIFFERENT, EQUAL, INCONCLUSIVE, equivalence, trainings_needed


def rate(verdict, shift, n, margin=None, runs=300, seed=0):
    rng = np.random.default_rng(seed)
    hits = 0
    for _ in range(runs):
        a, b = rng.normal(size=n), rng.normal(size=n) + shift
        hits += equivalence(a, b, margin).verdict == verdict
    return hits / runs


def within(observed, wanted, runs=300):
    return observed <= wanted + 3 * math.sqrt(wanted * (1 - wanted) / runs)


@pytest.mark.long
@pytest.mark.parametrize("n", [3, 8])
@pytest.mark.parametrize(("margin", "shift"), [(None, 1.0), (1.5, 1.5)])
def test_at_the_margin_both_errors_stay_below_alpha(n, margin, shift):
    assert within(rate(EQUAL, shift, n, margin), 0.05)
    assert within(rate(DIFFERENT, shift, n, margin), 0.05)


def test_it_finds_equality_and_difference_where_they_are():
    assert rate(EQUAL, 0.0, 23) > 0.85  # as trainings_needed promises
    assert rate(DIFFERENT, 6.0, 8) > 0.9


def test_a_shift_of_a_standard_deviation_is_rarely_called_equal():
    for n in (5, 8, 23):
        assert within(rate(EQUAL, 1.0, n), 0.05)


@pytest.mark.parametrize("deviations", [1.0, 2.0])
def test_so_many_trainings_find_equal_means_equal(deviations):
    n = trainings_needed(deviations)
    rng = np.random.default_rng(4)
    found = [
        equivalence(rng.normal(size=n), rng.normal(size=n), None, deviations) for _ in range(300)
    ]
    equal = np.mean([f.verdict == EQUAL for f in found])
    assert abs(equal - 0.9) < 3.5 * math.sqrt(0.9 * 0.1 / 300)
    assert {f.needed for f in found} == {n}
    assert trainings_needed(0.0) is None and trainings_needed(1e-3) is None


def test_the_interval_covers_the_true_difference():
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(400):
        result = equivalence(rng.normal(size=5), rng.normal(size=7) + 0.7, 1.0)
        covered += result.interval[0] <= 0.7 <= result.interval[1]
    assert 0.92 < covered / 400 < 0.98


def test_both_directions_are_alike():
    a, b = [1.0, 2.0, 3.0, 2.5], [2.0, 4.0, 3.5, 2.5]
    one, other = equivalence(a, b), equivalence(b, a)
    assert one.verdict == other.verdict
    assert one.difference == -other.difference
    assert one.margin == other.margin


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        ([], [1.0, 2.0], INCONCLUSIVE),
        ([1.0], [1.0], INCONCLUSIVE),
        ([1.0, math.nan], [1.0, 1.0], INCONCLUSIVE),
        ([0.5] * 8, [0.5] * 8, INCONCLUSIVE),
        ([0.5] * 59, [0.5] * 59, EQUAL),
        ([0.5, 0.5], [0.6, 0.6], INCONCLUSIVE),
        ([0.5] * 4, [0.6] * 4, DIFFERENT),
    ],
)
def test_what_leaves_nothing_to_chance_or_everything(a, b, verdict):
    assert equivalence(a, b).verdict == verdict


def test_values_without_spread_have_no_interval_of_no_width():
    found = equivalence([0.5] * 8, [0.5] * 8)
    assert found.interval == (-math.inf, math.inf) and found.needed == 59
    assert "up to 31 % of trainings may give another" in found.note
    assert equivalence([0.5] * 8, [0.6] * 8, margin=0.2).verdict == INCONCLUSIVE


@pytest.mark.parametrize("deviations", [0.5, 1.0, 2.0, 4.0])
def test_the_trainings_needed_are_the_fewest_that_are_enough(deviations):
    def power(n):
        freedom = 2 * n - 2
        limit = stats.ncf.ppf(0.05, 1, freedom, deviations**2 * n / 2)
        return stats.f.cdf(limit, 1, freedom)

    needed = trainings_needed(deviations)
    assert power(needed) >= 0.9 and (needed == 2 or power(needed - 1) < 0.9)
    assert {0.5: 88, 1.0: 23}.get(deviations, needed) == needed


A, B = np.array([1.0, 2.0, 4.0]), np.array([2.0, 3.0, 5.0, 9.0])


def test_within_a_given_margin_by_two_one_sided_welch_tests():
    welch = stats.ttest_ind(B, A, equal_var=False)
    interval = tuple(welch.confidence_interval(0.95))
    low, high = welch.confidence_interval(0.9)
    found = equivalence(A, B, margin=3.0)
    assert found.interval == pytest.approx(interval)
    assert found.difference == pytest.approx(B.mean() - A.mean())
    assert (found.n, found.margin, found.note) == ((3, 4), 3.0, "")
    furthest = max(-low, high)
    assert equivalence(A, B, margin=furthest * 1.001).verdict == EQUAL
    assert equivalence(A, B, margin=furthest * 0.999).verdict == INCONCLUSIVE
    apart = B + 20
    nearest = stats.ttest_ind(apart, A, equal_var=False).confidence_interval(0.9).low
    assert equivalence(A, apart, margin=nearest * 0.999).verdict == DIFFERENT
    assert equivalence(apart, A, margin=nearest * 0.999).verdict == DIFFERENT
    assert equivalence(A, apart, margin=nearest * 1.001).verdict == INCONCLUSIVE


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_within_deviations_of_a_training_by_a_noncentral_f(alpha):
    pooled = math.sqrt((2 * A.var(ddof=1) + 3 * B.var(ddof=1)) / 5)
    error = pooled * math.sqrt(1 / 3 + 1 / 4)

    def at(quantile, factor):
        limit = stats.ncf.ppf(quantile, 1, 5, 4.0 * 12 / 7)
        shifted = B - B.mean() + A.mean() + factor * math.sqrt(limit) * error
        return equivalence(A, shifted, None, 2.0, alpha)

    assert at(alpha, 0.999).verdict == EQUAL and at(alpha, -0.999).verdict == EQUAL
    assert at(alpha, 1.001).verdict == at(1 - alpha, 0.999).verdict == INCONCLUSIVE
    assert at(1 - alpha, 1.001).verdict == at(1 - alpha, -1.001).verdict == DIFFERENT
    found = at(alpha, 0.5)
    half = error * stats.t.ppf(1 - alpha / 2, 5)
    assert found.margin == pytest.approx(2 * pooled) and found.n == (3, 4)
    assert found.interval == pytest.approx((found.difference - half, found.difference + half))


def test_the_trainings_that_a_margin_needs_follow_from_the_spread_seen():
    pooled = math.sqrt((2 * A.var(ddof=1) + 3 * B.var(ddof=1)) / 5)
    assert equivalence(A, B, margin=pooled).needed == 23
    assert equivalence(A, B, None, 2.0).needed == trainings_needed(2.0)
    assert equivalence(A, B, margin=pooled, needed=False).needed is None
    assert trainings_needed(0.05) == 8659 and trainings_needed(0.045) is None
    assert trainings_needed(-1.0) is None and trainings_needed(10.0) == 2
    assert trainings_needed(1.0, alpha=0.1) < 23 < trainings_needed(1.0, power=0.95)


def test_too_few_values_keep_the_margin_that_was_asked_for():
    found = equivalence([1.0], [1.0, 2.0], margin=0.3)
    assert (found.margin, found.n, found.interval) == (0.3, (1, 2), (-math.inf, math.inf))
    assert math.isnan(found.difference) and math.isnan(equivalence([1.0], [1.0, 2.0]).margin)


def test_values_without_spread_are_apart_where_no_other_split_sets_them_so_far_apart():
    assert equivalence([0.5] * 4, [0.6] * 4).verdict == DIFFERENT  # 2 of 70 splits
    assert equivalence([0.5] * 3, [0.6] * 4).verdict == INCONCLUSIVE  # 2 of 35
    assert equivalence([0.5] * 3, [0.6] * 4, alpha=0.1).verdict == DIFFERENT
    found = equivalence([0.5] * 4, [0.6] * 4)
    assert (found.needed, found.margin, found.n) == (None, 0.0, (4, 4))
    assert "all 4 trainings gave the same number" in found.note
    # no further apart than 32-bit numbers can say
    assert equivalence([0.5] * 59, [0.5 + 1e-8] * 59).verdict == EQUAL
    assert equivalence([-0.5] * 59, [-0.5 + 1e-8] * 60).verdict == EQUAL
    assert equivalence([0.5] * 58, [0.5] * 60).verdict == INCONCLUSIVE
    assert equivalence([0.5] * 59, [0.6] * 59, margin=0.2).verdict == EQUAL
