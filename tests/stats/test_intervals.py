import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from whydiff.stats.intervals import finite, mean, place, proportion, spread
from whydiff.testing.simulations import coverage, many

DRAWS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "uniform": lambda rng, n: (rng.random(n) - 0.5) * math.sqrt(12),
    "exponential": lambda rng, n: rng.exponential(size=n) - 1,
    "student": lambda rng, n: rng.standard_t(5, size=n) / math.sqrt(5 / 3),
}


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_the_mean_interval_is_that_of_a_t_test(values):
    found = mean(values)
    assert found.value == pytest.approx(float(np.mean(values)), abs=1e-9)
    if np.ptp(values) > 1e-6 * np.max(np.abs(values)) and np.std(values) > 1e-6:
        expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-6)


@pytest.mark.parametrize("function", [mean, spread])
def test_nothing_one_and_constant_get_plain_answers(function):
    assert math.isnan(function([]).value) and function([]).n == 0 and "no runs" in function([]).note
    one = function([0.5])
    assert one.n == 1 and one.high == math.inf and "one run" in one.note
    same = function([0.1] * 7)
    assert same.high == math.inf and "all 7 runs gave the same number" in same.note


def test_numbers_that_never_varied_leave_what_their_bounds_leave():
    # up to 1 - 0.05^(1/7) of runs may give another number, at most 1, at least 0
    share = 1 - 0.05 ** (1 / 7)
    found = mean([0.9] * 7, bounds=(0.0, 1.0))
    assert (found.low, found.high) == pytest.approx((0.9 - share * 0.9, 0.9 + share * 0.1))
    assert spread([0.9] * 7, bounds=(0.0, 1.0)).high == pytest.approx(0.9 * math.sqrt(share))
    assert "up to 35 % of runs" in found.note
    # 32-bit metrics that are the same up to their last bit are the same
    same = mean(np.array([0.9, np.nextafter(np.float32(0.9), np.float32(1))], np.float32))
    assert same.high == math.inf


@pytest.mark.parametrize("share", [0.02, 0.1, 0.4])
@pytest.mark.parametrize("n", [2, 5, 10, 60])
def test_coverage_where_runs_seldom_vary(n, share):
    # Exact, no simulation: all n runs gave 0.9 with probability (1 - share)^n; then the interval
    # has to hold the true mean unless that probability is below 5 %.
    truth = 0.9 * (1 - share)  # the others end at 0
    held = truth in mean([0.9] * n, bounds=(0.0, 1.0))
    assert held or (1 - share) ** n < 0.05


@pytest.mark.parametrize("function", [mean, spread])
def test_runs_without_a_number_are_left_out_and_counted(function):
    found = function([1.0, math.nan, 2.0, 4.0, math.inf])
    assert (found.n, found.left_out) == (3, 2)
    assert found.value == function([1.0, 2.0, 4.0]).value


def test_finite_takes_any_shape():
    kept, left_out = finite([[1, 2], [math.nan, 4]])
    assert kept.tolist() == [1, 2, 4] and left_out == 1


def test_spread_has_one_degree_of_freedom_less():
    assert spread([1.0, 2.0, 3.0, 4.0]).value == pytest.approx(math.sqrt(5 / 3))
    few = spread([1.0, 2.0, 4.0])
    assert "takes 5 runs" in few.note and few.high == math.inf
    assert "assumes normal" in spread([1.0, 2.0, 4.0], normal=True).note


def test_spread_scales_with_its_unit():
    x = np.random.default_rng(1).exponential(size=12)
    one, other = spread(x), spread(1000 * x + 5)
    assert (other.value, other.low, other.high) == pytest.approx(
        (1000 * one.value, 1000 * one.low, 1000 * one.high)
    )


@given(st.integers(0, 40), st.integers(0, 40))
def test_proportion_is_clopper_pearson(one, other):
    count, n = min(one, other), max(one, other)
    found = proportion(count, n)
    if n == 0:
        assert math.isnan(found.value)
        return
    expected = stats.binomtest(count, n).proportion_ci(method="exact")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_proportion_refuses_more_than_all():
    with pytest.raises(ValueError, match="5 of 3"):
        proportion(5, 3)


def test_place_of_an_own_run():
    runs = np.arange(100.0)
    middle = place(61.5, runs)
    assert middle.percentile.value == 0.62 and middle.ordinary() is True
    assert 0.51 < middle.percentile.low < 0.62 < middle.percentile.high < 0.72
    assert place(1000, runs).ordinary() is False
    assert place(1000, runs).p == pytest.approx(2 / 101)
    assert place(1000, runs[:10]).ordinary() is None  # ten runs cannot call any run unusual


def test_place_among_ties_and_without_numbers():
    ties = place(0.9, [0.9] * 50)
    assert (ties.percentile.low, ties.percentile.high) == (0.0, 1.0) and ties.p == 1
    assert "same number" in ties.percentile.note
    assert place(math.nan, [1.0, 2.0]).ordinary() is None
    assert "no runs" in place(1.0, [math.nan]).percentile.note


@pytest.mark.thorough
@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("n", [3, 5, 10, 50])
def test_coverage_of_mean_and_spread(name, n):
    rng, trials = np.random.default_rng(n), 1500
    samples = [DRAWS[name](rng, n) for _ in range(trials)]
    # What the methods promise: exact for normal data, near it for what is not far from that.
    promised = {"normal": 0.95, "uniform": 0.93, "student": 0.93, "exponential": 0.87}[name]
    assert many(coverage(0.0, map(mean, samples)), promised, trials)
    promised = {"normal": 0.95, "uniform": 0.95, "student": 0.94, "exponential": 0.93}[name]
    assert many(coverage(1.0, map(spread, samples)), promised, trials)


@pytest.mark.long
def test_coverage_of_normal_means_spreads_and_places():
    rng, trials = np.random.default_rng(7), 500
    samples = [rng.normal(size=6) for _ in range(trials)]
    assert many(coverage(0.0, map(mean, samples)), 0.95, trials)
    assert many(coverage(1.0, map(spread, samples)), 0.95, trials)
    own = 0.7
    places = [place(own, rng.normal(size=30)) for _ in range(trials)]
    assert many(coverage(stats.norm.cdf(own), (p.percentile for p in places)), 0.95, trials)
    drawn = [place(rng.normal(), rng.normal(size=60)).ordinary() for _ in range(trials)]
    assert many(float(np.mean(drawn)), 0.95, trials)


def test_the_percentile_bootstrap_would_not_have_covered():
    # Why there is a t interval: at three runs the bootstrap's 95 % are some 75 %.
    rng, trials = np.random.default_rng(0), 400
    hits = 0
    for _ in range(trials):
        x = rng.normal(size=3)
        low, high = np.quantile(rng.choice(x, (500, 3)).mean(axis=1), [0.025, 0.975])
        hits += low <= 0 <= high
    assert hits / trials < 0.85


@pytest.mark.parametrize("values", [[1.0, 2.0, 4.0, 4.5, 9.0, 3.0], list(np.arange(20.0) ** 2)])
def test_the_interval_of_a_standard_deviation_is_bonetts_with_a_larger_kurtosis(values):
    x, n = np.array(values), len(values)
    trimmed = stats.trim_mean(x, 1 / (2 * math.sqrt(n - 4)))
    kurtosis = n * np.sum((x - trimmed) ** 4) / np.sum((x - x.mean()) ** 2) ** 2
    kurtosis *= max(kurtosis / 3, 1) * (1 + 10 * (n - 5) / n**2)
    z = stats.norm.ppf(0.975)
    c = n / (n - z)
    error = c * math.sqrt((kurtosis - (n - 3) / n) / (n - 1))
    log = math.log(c * x.var(ddof=1))
    found = spread(values)
    assert found.value == pytest.approx(x.std(ddof=1))
    ends = [math.exp((log + side * z * error) / 2) for side in (-1, 1)]
    assert (found.low, found.high) == pytest.approx(ends)


def test_a_normal_standard_deviation_has_the_chi_square_interval():
    values = [1.0, 2.0, 4.0, 4.5]
    found, sum_of_squares = spread(values, normal=True), 3 * np.var(values, ddof=1)
    ends = [math.sqrt(sum_of_squares / stats.chi2.ppf(q, 3)) for q in (0.975, 0.025)]
    assert (found.low, found.high) == pytest.approx(ends)


def test_39_runs_can_call_one_unusual_and_38_cannot():
    assert place(1000.0, np.arange(39.0)).ordinary() is False
    assert place(1000.0, np.arange(38.0)).ordinary() is None
