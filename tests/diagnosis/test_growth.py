"""Growth on trails with a known answer: geometric growth, no growth, noise around it."""

import numpy as np
import pytest
from scipy import stats

from whydiff.diagnosis.growth import AMPLIFIED, NONE, REAL, STAYS, growth
from whydiff.stats.ulp import is_rounding

GENERATOR = np.random.default_rng(0)
WEIGHTS = GENERATOR.normal(size=(40, 50))
DIRECTION = GENERATOR.normal(size=WEIGHTS.shape)
DIRECTION *= np.linalg.norm(WEIGHTS) / np.linalg.norm(DIRECTION)


def trails(distances):
    """Two trails that are this far apart after each step."""
    a = [{"dense/kernel": WEIGHTS} for _ in distances]
    b = [{"dense/kernel": WEIGHTS + d * DIRECTION} for d in distances]
    return a, b


@pytest.mark.parametrize("rate", [0.9, 1.0, 1.25, 2.0])
def test_the_rate_of_geometric_growth_lies_in_its_interval(rate):
    noise = np.exp(GENERATOR.normal(0, 0.1, 40))
    found = growth(*trails(1e-9 * rate ** np.arange(40) * noise), rounded=True)
    assert found.low <= rate <= found.high
    assert found.rate == pytest.approx(rate, rel=0.02)
    assert found.n == (40 if rate < 2 else sum(d <= 0.1 for d in found.distances))
    assert len(found.distances) == 40
    assert found.kind == (AMPLIFIED if rate == 2.0 else STAYS)


def test_the_rate_and_its_interval_are_those_of_a_line_through_the_logarithms():
    distances = 1e-8 * np.exp([0.1, 0.2, 0.9, 0.7, 1.4, 1.1])
    found = growth(*trails(distances), rounded=True)
    line = stats.linregress(np.arange(6), np.log(distances))
    margin = stats.t.ppf(0.975, 4) * line.stderr
    expected = np.exp([line.slope, line.slope - margin, line.slope + margin])
    assert (found.rate, found.low, found.high) == pytest.approx(expected, rel=1e-5)


def test_the_interval_covers_as_often_as_it_says():
    covered = 0
    for seed in range(400):
        noise = np.random.default_rng(seed).normal(0, 0.3, 20)
        found = growth(*trails(1e-8 * np.exp(0.1 * np.arange(20) + noise)), rounded=True)
        covered += found.low <= np.exp(0.1) <= found.high
    assert 0.92 <= covered / 400 <= 0.98


def test_what_is_no_rounding_at_first_is_never_called_rounding():
    assert growth(*trails([1e-9] * 10), rounded=False).kind == REAL


def test_no_difference_and_too_few_steps_for_a_rate():
    assert growth(*trails([0.0] * 8), rounded=True)[:3] == (NONE, (0.0,) * 8, None)
    found = growth(*trails([1e-8, 2e-8, 3e-8]), rounded=True)
    assert (found.kind, found.rate, found.n) == (STAYS, None, 3)


def test_steps_that_agree_again_are_left_out_of_the_rate():
    found = growth(*trails([0.0, 1e-8, 0.0, 2e-8, 4e-8, 8e-8, 16e-8]), rounded=True)
    assert found.n == 5


@pytest.mark.parametrize(
    ("relative", "dtype", "rounding"),
    [
        (1e-7, np.float32, True),
        (1e-3, np.float32, False),
        (1e-7, np.float64, False),
        (1e-2, np.float16, True),
        (0.5, np.float16, False),
        (0.0, np.int32, False),
    ],
)
def test_rounding_depends_on_the_type(relative, dtype, rounding):
    assert is_rounding(relative, dtype) is rounding


def test_summing_in_another_order_is_rounding_and_a_wrong_term_is_none():
    for seed in range(50):
        values = np.random.default_rng(seed).random((100, 5000)).astype(np.float32)
        one = values.sum(axis=1, dtype=np.float32)
        other = np.cumsum(values[:, ::-1], axis=1, dtype=np.float32)[:, -1]
        assert not np.array_equal(one, other)
        relative = np.linalg.norm(one - other) / np.linalg.norm(one)
        assert is_rounding(relative, np.float32)
        missing = values[:, 1:].sum(axis=1, dtype=np.float32)
        assert not is_rounding(np.linalg.norm(one - missing) / np.linalg.norm(one), np.float32)
