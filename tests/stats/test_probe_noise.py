import math

import numpy as np
import pytest

from whydiff.stats import intervals
from whydiff.stats.effects import jackknife_error
from whydiff.stats.probe_noise import calibrated_variance, variance_parts
from whydiff.stats.quantiles import student
from whydiff.testing.simulations import coverage, few, many


def errors(rng, runs, examples, spread):
    """Errors of runs that differ by chance on every example, and in their own mean by spread."""
    own = np.random.default_rng(9).uniform(0.15, 0.85, examples)
    return rng.random((runs, examples)) < own + spread * rng.normal(size=(runs, 1))


def test_the_formulas_on_a_table_by_hand():
    table = np.array([[1, 0, 0, 1], [0, 0, 0, 1], [1, 1, 0, 1]])
    found = variance_parts(table)
    observed = np.var([0.5, 0.25, 0.75], ddof=1)
    test_set = sum(np.var(table[:, i], ddof=1) for i in range(4)) / 16
    assert found.observed == pytest.approx(observed)
    assert found.test_set == pytest.approx(test_set)
    assert found.training.value == pytest.approx(4 / 3 * (observed - test_set))
    assert found.error.value == 0.5 and found.error.n == 3 and found.examples == 4
    shares = table.mean(axis=0)  # the unbiased form of n^-2 sum e (1 - e)
    assert found.test_set == pytest.approx(3 / 2 * np.sum(shares * (1 - shares)) / 16)


def test_the_interval_is_at_least_the_jackknife_of_the_test_set_part():
    table = errors(np.random.default_rng(0), 7, 30, 0.05).astype(float)
    left = [np.var(np.delete(table, r, 0), axis=0, ddof=1).sum() / 30**2 for r in range(7)]
    half = 30 / 29 * jackknife_error(np.array(left)) * student(6, 0.95)
    training = variance_parts(table).training
    assert training.value - training.low > half and training.high - training.value > half


def test_no_runs_one_run_two_runs_and_no_spread():
    assert math.isnan(variance_parts(np.zeros((0, 5))).training.value)
    assert "two runs" in variance_parts(np.zeros((1, 5))).training.note
    assert "two examples" in variance_parts(np.zeros((4, 1))).training.note
    assert variance_parts(np.eye(2)).training.high == math.inf
    still = variance_parts(np.ones((5, 8)))
    assert still.observed == 0 and still.training.value == 0 and not still.distinguishable
    assert still.training.note == "not distinguishable from 0"


def test_a_negative_estimate_keeps_its_sign():
    rng = np.random.default_rng(1)
    found = [variance_parts(errors(rng, 30, 200, 0.0)) for _ in range(200)]
    negative = np.mean([f.training.value < 0 for f in found])
    assert 0.2 < negative < 0.8
    assert np.mean([f.training.value for f in found]) == pytest.approx(0, abs=3e-5)


def test_training_that_varies_is_told_from_the_test_set():
    found = variance_parts(errors(np.random.default_rng(2), 60, 2000, 0.03))
    assert found.distinguishable and 0.0009 in found.training
    assert found.observed > 3 * found.test_set


def test_calibrated_runs_have_the_variance_that_the_formula_predicts():
    # Calibrated, binary: an example whose runs say "yes" with share q is "yes" with chance q.
    rng = np.random.default_rng(3)
    share = rng.beta(0.5, 0.5, size=4000)
    truth = rng.random(4000) < share
    table = (rng.random((400, 4000)) < share) != truth
    found = variance_parts(table)
    assert found.test_set == pytest.approx(calibrated_variance(found.error.value, 4000), rel=0.05)
    assert math.isnan(calibrated_variance(0.1, 0))


@pytest.mark.long
@pytest.mark.parametrize("spread", [0.0, 0.02])
def test_coverage_and_false_claims(spread):
    rng, trials = np.random.default_rng(4), 400
    found = [variance_parts(errors(rng, 12, 400, spread)) for _ in range(trials)]
    assert many(coverage(spread**2, (f.training for f in found)), 0.94, trials)
    if not spread:
        assert few(float(np.mean([f.distinguishable for f in found])), 0.025, trials)


@pytest.mark.thorough
@pytest.mark.parametrize("runs", [5, 20, 100])
@pytest.mark.parametrize("spread", [0.0, 0.01, 0.03])
def test_coverage_for_few_and_many_runs(runs, spread):
    rng, trials = np.random.default_rng(runs), 600
    found = [variance_parts(errors(rng, runs, 800, spread)) for _ in range(trials)]
    assert many(coverage(spread**2, (f.training for f in found)), 0.94, trials)
    values = [f.training.value for f in found]
    error = np.std(values) / math.sqrt(trials)
    assert np.mean(values) == pytest.approx(spread**2, abs=4 * error)


def test_the_interval_joins_that_of_the_deviation_with_the_jackknife():
    table = errors(np.random.default_rng(3), 9, 40, 0.05).astype(float)
    runs, n = table.shape
    observed = intervals.spread(table.mean(axis=1), normal=True, bounds=(0.0, 1.0))
    left = [np.var(np.delete(table, r, 0), axis=0, ddof=1).sum() / n**2 for r in range(runs)]
    half = jackknife_error(np.array(left)) * student(runs - 1, 0.95)
    training, scale = variance_parts(table).training, n / (n - 1)
    below, above = observed.value**2 - observed.low**2, observed.high**2 - observed.value**2
    assert training.value - training.low == pytest.approx(scale * math.hypot(below, half))
    assert training.high - training.value == pytest.approx(scale * math.hypot(above, half))
    assert training.n == runs
