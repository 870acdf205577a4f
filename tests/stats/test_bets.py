"""Capital is not expected to grow where the hypothesis is true: exact, by enumeration."""

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from whydiff.stats import bets


def capital(pair, stake):
    return [np.exp(side[-1, stake]) for side in pair]


@pytest.mark.parametrize("seed", range(4))
def test_signs_of_any_sizes_win_nothing_on_average(seed):
    # Over all signs of any sizes, also of those that grow and shrink.
    sizes = np.exp(2 * np.random.default_rng(seed).normal(size=9))
    signs = np.array(list(product([-1, 1], repeat=9)))
    for stake in range(len(bets.STAKES)):
        for n in (1, 4, 9):
            ends = [capital(bets.symmetric((row * sizes)[:n], 0.0), stake) for row in signs]
            assert np.mean(ends, axis=0) == pytest.approx(1.0)


def test_a_stake_is_the_likelihood_ratio_of_a_sign():
    d = np.array([1.0, -0.5, 2.0])
    unit = np.sqrt(np.cumsum(d**2) / np.arange(1, 4))
    for k, stake in enumerate(bets.STAKES):
        for sign, side in ((1, 0), (-1, 1)):
            # the sign of x from N(m, 1), given |x|, with m = stake
            x = d / unit
            odds = stats.norm.pdf(x, sign * stake) / (
                stats.norm.pdf(x, sign * stake) + stats.norm.pdf(-x, sign * stake)
            )
            assert capital(bets.symmetric(d, 0.0), k)[side] == pytest.approx(np.prod(2 * odds))


@pytest.mark.parametrize("null", [-0.3, 0.0, 0.6])
def test_bounded_numbers_with_that_mean_win_nothing_on_average(null):
    # -1, 0.5 and 1 in every order, with probabilities that make the mean the hypothesis
    values = np.array([-1.0, 0.5, 1.0])
    shares = np.array([0.0, 0.3, 0.0])
    shares[2] = (null + 1 - 0.3 * 1.5) / 2  # p1 + 0.15 - p0 = null and p0 + 0.3 + p1 = 1
    shares[0] = 0.7 - shares[2]
    assert shares @ values == pytest.approx(null) and (shares >= 0).all()
    for stake in range(len(bets.FRACTIONS)):
        total = np.zeros(2)
        for chosen in product(range(3), repeat=4):
            weight = np.prod(shares[list(chosen)])
            d = values[list(chosen)]
            total += weight * np.array(capital(bets.bounded(d, null, -1, 1), stake))
        assert total == pytest.approx([1.0, 1.0])


def test_a_bounded_bet_by_its_formula():
    d, low, high, null = np.array([0.2, -0.5]), -1.0, 2.0, 0.1
    above, below = bets.bounded(d, null, low, high)
    for k, f in enumerate(bets.FRACTIONS):
        up = np.prod(1 + f * (d - null) / (null - low))
        down = np.prod(1 - f * (d - null) / (high - null))
        assert np.exp([above[-1, k], below[-1, k]]) == pytest.approx([up, down])


def test_pairs_without_a_number():
    d = np.array([math.nan, 1.0, math.inf, -math.inf, math.nan])
    assert bets.scaled_gaps(d, 0.0).tolist() == [0, 1, 1, -1, 0]
    above, below = bets.bounded(d, 0.0, -2, 2)
    f = bets.FRACTIONS[0]
    assert np.exp(above[:, 0]) == pytest.approx(np.cumprod([1, 1 + f / 2, 1 + f, 1 - f, 1]))
    assert np.exp(below[:, 0]) == pytest.approx(np.cumprod([1, 1 - f / 2, 1 - f, 1 + f, 1]))


def test_a_hypothesis_at_the_bound_falls_with_the_first_number_beyond():
    above, below = bets.bounded(np.array([-1.0, 0.5]), -1.0, -1.0, 1.0)
    assert bets.total(above)[0] == 0 and bets.total(above)[1] == math.inf
    assert np.isfinite(below).all()


@pytest.mark.parametrize("unit", [1e-300, 1, 1e150])
def test_the_unit_of_symmetric_bets_does_not_matter(unit):
    d = np.array([1.0, 2.0, -0.5, 3.0])
    assert bets.symmetric(unit * d, 0.0)[0] == pytest.approx(bets.symmetric(d, 0.0)[0])


def test_the_whole_capital_is_the_mean_of_the_parts():
    logs = np.log(np.array([[1.0, 2.0, 3.0, 4.0, 5.0]]))
    assert np.exp(bets.total(logs)) == pytest.approx([3.0])
