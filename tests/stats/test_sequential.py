import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from whydiff.stats.paired import BETTER, EQUIVALENT, INCONCLUSIVE, WORSE
from whydiff.stats.sequential import (
    confidence_sequence,
    decide,
    fewest_pairs,
    look,
    more_pairs,
    pair_differences,
    symmetric_process,
    t_process,
)
from whydiff.testing.simulated import few, many

INF, NAN = math.inf, math.nan


def test_differences_are_turned_so_that_larger_is_better():
    assert pair_differences([1.0, 2], [1.5, 1]).tolist() == [0.5, -1]
    assert pair_differences([1.0, 2], [1.5, 1], larger_is_better=False).tolist() == [-0.5, 1]
    for turned in (True, False):  # a diverged run is worse, whichever way the metric goes
        found = pair_differences([NAN, 1, INF], [1, NAN, -INF], larger_is_better=turned)
        assert found[:2].tolist() == [INF, -INF] and math.isnan(found[2])
    with pytest.raises(ValueError, match="2 and 1"):
        pair_differences([1, 2], [1])


@pytest.mark.parametrize("n, gap", [(2, 0.5), (6, 1.2), (15, -0.4)])
def test_the_t_process_is_the_bayes_factor_of_normal_effect_sizes(n, gap):
    d = np.random.default_rng(n).normal(size=n) + gap
    t, r = stats.ttest_1samp(d, 0).statistic, 1 + n
    # With effect sizes from N(0, 1) the numerator of t is N(0, 1 + n) in place of N(0, 1).
    evidence = stats.t.pdf(t / math.sqrt(r), n - 1) / math.sqrt(r)
    assert t_process(d) == pytest.approx(evidence / stats.t.pdf(t, n - 1))


def test_the_t_process_by_its_formula():
    d = np.array([0.3, 1.1, -0.2, 0.8])
    n, nu, r = 4, 3, 5.0
    t = stats.ttest_1samp(d, 0).statistic
    expected = r**-0.5 * ((1 + t**2 / nu) / (1 + t**2 / (nu * r))) ** (n / 2)
    assert t_process(d) == pytest.approx(expected)


@pytest.mark.parametrize("n", [5, 12, 80])
def test_the_confidence_sequence_is_the_t_process_turned_round(n):
    d = np.random.default_rng(n).normal(size=n) + 3
    found = confidence_sequence(d, 0.05)
    for end in (found.low, found.high):
        assert t_process(d, null=end) == pytest.approx(20)
    nu, r = n - 1, 1.0 + n
    big = (r / 0.05**2) ** (1 / n)
    x = (big - 1) / (1 - big / r)
    assert found.high - found.value == pytest.approx(np.std(d, ddof=1) * math.sqrt(nu * x / n))


def test_few_pairs_have_no_bounded_sequence():
    for n in (1, 2):
        found = confidence_sequence(np.arange(float(n)))
        assert found.high == INF and "too few" in found.note
    assert "no complete pairs" in confidence_sequence([NAN]).note
    same = confidence_sequence([0.25] * 6)
    assert same.low == same.high == 0.25 and "same difference" in same.note


def test_the_symmetric_process_by_its_formula():
    signs = np.array([1, 1, -1, 1, 1, 1, 1.0])
    s, v = 5, 7
    expected = (1 + v) ** -0.5 * math.exp(s**2 / (2 * (1 + v)))
    for unit in (1, 0.003, 500):  # the metric's unit does not matter
        assert symmetric_process(unit * signs) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(4))
def test_no_choice_of_sizes_makes_the_symmetric_process_expect_more_than_1(seed):
    # Over all signs of any sizes, also of those that grow and shrink: exact, no simulation.
    sizes = np.exp(2 * np.random.default_rng(seed).normal(size=9))
    signs = np.array(list(product([-1, 1], repeat=9)))
    assert np.mean([symmetric_process(row * sizes) for row in signs]) <= 1
    assert np.mean([symmetric_process((row * sizes)[:4]) for row in signs]) <= 1


def test_verdicts_on_clear_data():
    noise = np.random.default_rng(0).normal(size=40) * 0.1
    assert decide(noise + 1).verdict == BETTER
    assert decide(noise - 1).verdict == WORSE
    assert decide(noise, margin=1).verdict == EQUIVALENT
    assert decide(noise + 1, margin=1).verdict == INCONCLUSIVE
    assert decide(noise + 1, margin=0.5).verdict == BETTER
    assert decide(noise + 1).pairs == fewest_pairs()


@pytest.mark.parametrize("d", [[], [1.0], [NAN, NAN], [INF], [1.0, 2, 3, 4, 5]])
def test_few_pairs_give_no_verdict(d):
    found = look(d)
    assert found.verdict == INCONCLUSIVE and found.pairs == len(d)


@pytest.mark.parametrize("alpha", [0.2, 0.05, 0.001])
def test_the_fewest_pairs_of_any_verdict(alpha):
    n = fewest_pairs(alpha)
    clear = [1.0, 1.1, 0.9, 1.0] * 20
    assert look(clear[: n - 1], alpha=alpha).verdict == INCONCLUSIVE
    assert look([1.0] * n, alpha=alpha).verdict == BETTER
    assert fewest_pairs(0.05) == 10


def test_pairs_that_never_differ():
    assert look([0.0] * 9).verdict == INCONCLUSIVE
    assert look([0.0] * 10).verdict == EQUIVALENT
    assert look([0.0] * 10, margin=0.01).verdict == EQUIVALENT
    assert look([0.0] * 9 + [NAN]).verdict == INCONCLUSIVE
    assert look([0.02] * 10, margin=0.01).verdict == BETTER
    assert look([0.01] * 30, margin=0.01).verdict == INCONCLUSIVE


def test_runs_that_diverge_count_as_worse_and_are_counted():
    found = decide([-INF] * 12)
    assert found.verdict == WORSE and found.pairs == fewest_pairs() and found.effect.n == 0
    assert (found.diverged_a, found.diverged_b) == (0, 10)
    noise = np.random.default_rng(1).normal(size=24) * 0.1 + 1
    noise[::2] = -INF  # better where it ends, but it ends half the time only
    found = look(noise)
    assert found.verdict == INCONCLUSIVE and found.effect.low > 0 and found.effect.left_out == 12
    assert look([NAN] * 30).verdict == INCONCLUSIVE
    assert look([NAN] * 30).diverged_a == look([NAN] * 30).diverged_b == 30
    rare = np.random.default_rng(2).normal(size=40) * 0.1 + 1
    rare[5] = -INF
    assert decide(rare).verdict == BETTER


def test_a_margin_or_alpha_that_makes_no_test_is_refused():
    for wrong in ({"margin": -1.0}, {"alpha": 0.0}, {"alpha": 1.0}, {"margin": NAN}):
        with pytest.raises(ValueError, match="give no test"):
            look([1.0], **wrong)


def test_how_many_more_pairs():
    rng = np.random.default_rng(3)
    d = rng.normal(size=12)
    d = (d - d.mean()) / d.std() + 0.5
    missing = more_pairs(d)
    assert look(d).verdict == INCONCLUSIVE and 10 < missing < 100
    # Pairs exactly like those seen settle it at that number, give or take the rounding.
    again = np.tile(d, 40)
    settled = decide(again).pairs
    assert settled == pytest.approx(12 + missing, rel=0.35)
    assert more_pairs(np.array([0.1] * 10)) == 0
    assert more_pairs([1.0]) is None and more_pairs([]) is None
    assert more_pairs([1.0, -1.0] * 10) is None  # no margin, no difference: never
    assert more_pairs([1.0, -1.0] * 6, margin=0.3) > 20
    assert more_pairs([-INF] * 4) == 6


def verdicts(draw, trials, cap, **options):
    found = [decide(draw(cap), **options) for _ in range(trials)]
    return {v: float(np.mean([f.verdict == v for f in found])) for v in (BETTER, WORSE, EQUIVALENT)}


def symmetric_draws(rng):
    return {
        "normal": lambda n: rng.normal(size=n),
        "heavy": lambda n: rng.standard_t(2, size=n),
        "steps": lambda n: rng.integers(-2, 3, size=n) / 100,
        "diverging": lambda n: rng.choice([-INF, -1.0, 1.0, INF, NAN], size=n),
    }


@pytest.mark.long
def test_looking_after_every_pair_keeps_the_error():
    rng, trials = np.random.default_rng(11), 150
    for draw in symmetric_draws(rng).values():
        found = verdicts(draw, trials, 30)
        assert few(found[BETTER] + found[WORSE], 0.05, trials)


def test_looking_at_a_t_test_would_not():
    rng, trials, wrong = np.random.default_rng(12), 300, 0
    for _ in range(trials):
        d = rng.normal(size=30)
        n = np.arange(2, 31)
        sums, squares = np.cumsum(d)[1:], np.cumsum(d**2)[1:]
        t = sums / np.sqrt(n * (squares - sums**2 / n) / (n - 1))
        wrong += bool(np.any(2 * stats.t.sf(np.abs(t), n - 1) < 0.05))
    assert wrong / trials > 0.18


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["normal", "heavy", "steps", "diverging"])
def test_type_one_error_while_looking_after_each_of_60_pairs(name):
    rng, trials = np.random.default_rng(13), 500
    found = verdicts(symmetric_draws(rng)[name], trials, 60)
    assert few(found[BETTER] + found[WORSE], 0.05, trials)


@pytest.mark.thorough
@pytest.mark.parametrize("edge", [1.0, -1.0])
def test_at_the_edge_of_the_margin_there_is_no_verdict(edge):
    rng, trials = np.random.default_rng(14), 400
    found = verdicts(lambda n: rng.normal(size=n) + edge, trials, 60, margin=1.0)
    assert few(found[EQUIVALENT], 0.05, trials)
    assert few(found[BETTER] + found[WORSE], 0.05, trials)


@pytest.mark.thorough
def test_skewed_differences_break_the_t_process_and_the_pair_holds():
    # Exponential differences have a mean of 0 and no symmetry: what neither process promises.
    rng, trials, alone, both = np.random.default_rng(15), 400, 0, 0
    for _ in range(trials):
        d = rng.exponential(size=40) - 1
        sequences = [confidence_sequence(d[:n]) for n in range(2, 41)]
        alone += any(s.low > 0 or s.high < 0 for s in sequences)
        both += decide(d).verdict != INCONCLUSIVE
    assert alone / trials > 0.1 and both < alone
    assert few(both / trials, 0.06, trials)


@pytest.mark.thorough
def test_power_and_coverage_at_all_times():
    rng, trials = np.random.default_rng(16), 300
    found = [decide(rng.normal(size=80) + 1) for _ in range(trials)]
    assert all(f.verdict == BETTER for f in found)
    assert np.median([f.pairs for f in found]) <= 20
    inside = [decide(rng.normal(size=80), margin=1.5) for _ in range(trials)]
    assert np.mean([f.verdict == EQUIVALENT for f in inside]) > 0.98
    held = 0
    for _ in range(trials):
        d = rng.normal(size=40)
        held += all(0.0 in confidence_sequence(d[:n]) for n in range(1, 41))
    assert many(held / trials, 0.95, trials)
