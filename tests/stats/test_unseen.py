import math

import numpy as np
import pytest
from scipy import stats

from whydiff.stats.unseen import constant, largest_deviation, mean_limits, runs_for, unseen_share


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
