import math

import numpy as np
import pytest
from scipy import stats

from whydiff.stats.unseen import (
    constant,
    largest_deviation,
    mean_limits,
    runs_for,
    said,
    said_of_pairs,
    unseen_share,
)


@pytest.mark.parametrize("n", [1, 2, 7, 59, 1000])
def test_the_share_is_the_exact_bound_of_none_of_n(n):
    exact = stats.binomtest(0, n, alternative="less").proportion_ci(0.95, method="exact").high
    assert unseen_share(n) == pytest.approx(exact)


def test_the_rule_of_three():
    assert unseen_share(100) == pytest.approx(3 / 100, rel=0.02)
    assert runs_for(0.05) == 59 and unseen_share(59) <= 0.05 < unseen_share(58)
    assert unseen_share(0) == 1.0


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_it_holds_however_often_one_looks(share):
    # The bound is below the share after some n that had none: the chance of that run of luck.
    first = next(n for n in range(1, 1000) if unseen_share(n) < share)
    assert (1 - share) ** first <= 0.05


def test_limits_of_mean_and_deviation():
    share = unseen_share(10)
    low, high = mean_limits(0.8, 10, 0.95, (0.0, 1.0))
    assert (low, high) == pytest.approx((0.8 - 0.8 * share, 0.8 + 0.2 * share))
    assert mean_limits(0.8, 10, 0.95, None) == (-math.inf, math.inf)
    assert largest_deviation(0.8, 10, 0.95, (0.0, 1.0)) == pytest.approx(0.8 * math.sqrt(share))
    assert largest_deviation(0.8, 10, 0.95, None) == math.inf


def test_what_counts_as_the_same_number():
    assert constant(np.array([0.9, 0.9])) and constant(np.array([0.0, 0.0]))
    assert constant(np.array([0.9, 0.9 + 1e-8])) and not constant(np.array([0.9, 0.9001]))
    assert not constant(np.array([])) and not constant(np.array([0.0, 1e-30]))


def test_runs_are_counted_for_any_share_and_confidence():
    assert runs_for(0.05, 0.99) == 90 and runs_for() == 59
    assert runs_for(unseen_share(10)) == 10  # exactly so many, not one more by rounding


def test_a_value_beyond_its_bounds_is_a_bound_itself():
    share = unseen_share(10)
    assert mean_limits(1.2, 10, 0.95, (0.0, 1.0)) == pytest.approx((1.2 - 1.2 * share, 1.2))
    assert mean_limits(-0.2, 10, 0.95, (0.0, 1.0)) == pytest.approx((-0.2, -0.2 + 1.2 * share))
    assert largest_deviation(0.2, 10, 0.95, (0.0, 1.0)) == pytest.approx(0.8 * math.sqrt(share))


def test_what_is_said_of_numbers_that_never_varied():
    assert said(1, "run") == "one run: nothing is known about the spread"
    assert said(5, "run") == (
        "all 5 runs gave the same number; up to 45 % of runs may give another"
    )
    assert said(2, "training", 0.5) == (
        "all 2 trainings gave the same number; up to 29 % of trainings may give another"
    )
    assert said_of_pairs(5) == "up to 45 % of pairs of runs may be unlike these"


def test_the_same_number_is_one_to_22_bits():
    assert constant(np.array([-1.0, -1.0 + 2.0**-22])) and constant(np.array([3.0]))
    assert not constant(np.array([1.0, 1.0 + 2.0**-21])) and not constant(np.array([-1.0, 1.0]))
