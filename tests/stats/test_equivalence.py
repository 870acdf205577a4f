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
