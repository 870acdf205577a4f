import math

import numpy as np
import pytest
from scipy import stats

from whydiff.stats import bets
from whydiff.stats.paired import BETTER, EQUIVALENT, INCONCLUSIVE, WORSE
from whydiff.stats.sequential import (
    BOUNDED,
    MOST_FOR_SKEW,
    REFUSED,
    SKEW,
    SequentialTest,
    confidence_sequence,
    decide,
    fewest_pairs,
    look,
    more_pairs,
    pair_differences,
    t_process,
)
from whydiff.testing.simulations import few, many

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


@pytest.mark.parametrize("tiny", [1e-300, 5e-324, 1e-160, 1e150])
def test_the_unit_does_not_matter_however_small_or_large(tiny):
    same = look([tiny] * 12)
    assert same.verdict == INCONCLUSIVE and math.isfinite(same.e)
    if tiny > 5e-324:
        shape = np.array([1.0, 1.1, 0.9, 1.0, 1.2, 0.8, 1.0, 1.1, 0.9])
        assert look(shape * tiny).verdict == look(shape).verdict == BETTER
        assert look(shape * tiny).symmetric_e == pytest.approx(look(shape).symmetric_e)


@pytest.mark.parametrize("n", [8, 12, 40])
@pytest.mark.parametrize("options", [{}, {"assumption": BOUNDED, "bounds": (-3.0, 9.0)}])
def test_the_confidence_sequence_is_the_test_turned_round(n, options):
    d = np.random.default_rng(n).uniform(-1, 1, size=n)
    d = np.concatenate([d, -d]) + 3  # no tail on either side

    def evidence(null, side):
        if options:
            return float(bets.total(bets.bounded(d, null, *options["bounds"])[side])[-1])
        return float(bets.total(bets.symmetric(d, null)[side])[-1])

    found = confidence_sequence(d, SequentialTest(alpha=0.05, **options))
    for end, side in ((found.low, 0), (found.high, 1)):
        inside = end + (3 - end) * 1e-6
        assert evidence(inside, side) < math.log(2 / 0.05) <= evidence(end, side)
    assert found.low < 3 < found.high


def test_a_long_tail_against_the_mean_leaves_no_verdict():
    falling = [0.3, 0.32, 0.29, 0.31, 0.3, 0.33, 0.28, 0.3] * 4
    assert look(falling).verdict == BETTER and not look(falling).refused
    once = look([*falling, -2.0])
    assert once.verdict == INCONCLUSIVE and once.skewness < -REFUSED and once.refused
    assert more_pairs([*falling, -2.0]) is None and once.effect.low == -INF
    mirrored = look([-x for x in (*falling, -2.0)])
    assert mirrored.verdict == INCONCLUSIVE and mirrored.refused
    helping = look([*falling, 2.0])  # a tail on the side of the verdict takes nothing from it
    assert helping.verdict == BETTER and not helping.refused
    assert not look([*falling, -2.0], SequentialTest(assumption=BOUNDED, bounds=(-3, 3))).refused


def test_pairs_that_never_differ_are_alike_whatever_is_assumed():
    bounded = SequentialTest(assumption=BOUNDED, bounds=(-1.0, 1.0))
    assert look([0.0] * 58, bounded).verdict == INCONCLUSIVE
    assert look([0.0] * 59, bounded).verdict == EQUIVALENT
    assert more_pairs([0.0] * 20, bounded) == 39
    assert look([0.3] * 59, bounded).verdict == BETTER


@pytest.mark.parametrize("n, tail", [(60, 0.1), (60, 0.2)])
def test_a_tail_moves_the_end_behind_it_out(n, tail):
    rng = np.random.default_rng(1)
    d = 5 - tail * rng.exponential(size=n) - rng.normal(size=n) * 0.25
    found = confidence_sequence(d)
    more = min(SKEW * -stats.skew(d), MOST_FOR_SKEW)
    low = float(bets.total(bets.symmetric(d, found.low)[0])[-1])
    high = float(bets.total(bets.symmetric(d, found.high)[1])[-1])
    assert more > 0.5 and low == pytest.approx(math.log(2 / 0.05) + more, rel=1e-3)
    assert high == pytest.approx(math.log(2 / 0.05), rel=1e-3)


def test_few_pairs_have_no_bounded_sequence():
    for n in (2, 6):
        found = confidence_sequence(np.arange(float(n)))
        assert found.high == INF and "takes 7 pairs" in found.note
    nothing = confidence_sequence([NAN])
    assert "no complete pairs" in nothing.note
    assert (nothing.n, nothing.left_out, nothing.confidence) == (0, 1, 0.95)
    same = confidence_sequence([0.25] * 6)
    assert (same.low, same.high) == (-INF, INF) and "all 6 pairs" in same.note
    within = confidence_sequence([0.25] * 6, SequentialTest(bounds=(-1.0, 1.0)))
    share = 1 - 0.05 ** (1 / 6)
    assert (within.low, within.high) == pytest.approx((0.25 - 1.25 * share, 0.25 + 0.75 * share))


def test_verdicts_on_clear_data():
    noise = np.random.default_rng(0).normal(size=40) * 0.1
    assert decide(noise + 1).verdict == BETTER
    assert decide(noise - 1).verdict == WORSE
    assert decide(noise, SequentialTest(margin=1)).verdict == EQUIVALENT
    assert decide(noise + 1, SequentialTest(margin=1)).verdict == INCONCLUSIVE
    assert decide(noise + 1, SequentialTest(margin=0.5)).verdict == BETTER
    assert decide(noise + 1).pairs == fewest_pairs() == 7


@pytest.mark.parametrize("d", [[], [1.0], [NAN, NAN], [INF], [1.0, 2, 3, 4, 5]])
def test_few_pairs_give_no_verdict(d):
    found = look(d)
    assert found.verdict == INCONCLUSIVE and found.pairs == len(d)


@pytest.mark.parametrize("alpha", [0.2, 0.05, 0.001])
def test_the_fewest_pairs_of_any_verdict(alpha):
    n = fewest_pairs(alpha)
    clear = [1.0, 1.01, 0.99, 1.0, 0.98, 1.02] * 20
    assert look(clear[: n - 1], SequentialTest(alpha=alpha)).verdict == INCONCLUSIVE
    assert decide(clear, SequentialTest(alpha=alpha)).verdict == BETTER
    assert decide(clear, SequentialTest(alpha=alpha)).pairs <= n + 2


def test_pairs_that_never_differ_prove_nothing_until_others_would_be_rare():
    for margin in (0.0, 0.01):
        assert look([0.0] * 58, SequentialTest(margin=margin)).verdict == INCONCLUSIVE
        assert look([0.0] * 59, SequentialTest(margin=margin)).verdict == EQUIVALENT
        assert more_pairs([0.0] * 20, SequentialTest(margin=margin)) == 39
    assert look([0.0] * 20).unseen == pytest.approx(1 - 0.05 ** (1 / 20))
    assert look([0.0] * 58 + [NAN]).verdict == INCONCLUSIVE
    # the same of differences that are all alike: nothing is known about their shape
    assert look([0.02] * 58, SequentialTest(margin=0.01)).verdict == INCONCLUSIVE
    assert look([0.02] * 59, SequentialTest(margin=0.01)).verdict == BETTER
    assert look([0.01] * 90, SequentialTest(margin=0.01)).verdict == INCONCLUSIVE
    assert look([0.92 - 0.9, 0.91 - 0.89] * 10).verdict == INCONCLUSIVE  # alike but for rounding


def test_equal_pairs_but_a_few_worse_ones_are_rarely_equivalent():
    # B is 0.1 worse in 5 % of the pairs: equal in all of the first 59 with probability 0.0485.
    rng, trials = np.random.default_rng(21), 400
    found = [decide(-0.1 * (rng.random(80) < 0.05)).verdict for _ in range(trials)]
    assert few(np.mean([v == EQUIVALENT for v in found]), 0.05, trials)


def test_runs_that_diverge_count_as_worse_and_are_counted():
    found = decide([-INF] * 12)
    assert found.verdict == WORSE and found.pairs == fewest_pairs() and found.effect.n == 0
    assert (found.diverged_a, found.diverged_b) == (0, 7)
    noise = np.random.default_rng(1).normal(size=40) * 0.1 + 1
    noise[::2] = -INF  # better where it ends, but it ends half the time only
    found = look(noise)
    assert found.verdict == INCONCLUSIVE and found.effect.low > 0 and found.effect.left_out == 20
    assert look([NAN] * 30).verdict == INCONCLUSIVE
    assert look([NAN] * 30).diverged_a == look([NAN] * 30).diverged_b == 30
    rare = np.random.default_rng(2).normal(size=40) * 0.1 + 1
    rare[5] = -INF
    assert decide(rare).verdict == BETTER


def test_failures_alone_decide_where_numbers_are_few_and_do_not_object():
    assert look([-INF] * 12 + [0.01, -0.02]).verdict == WORSE
    better = np.random.default_rng(5).normal(size=14) * 0.1 + 1
    assert look([-INF] * 12 + list(better)).verdict == INCONCLUSIVE


def test_nothing_is_equivalent_that_fails_on_one_side_only():
    noise = np.random.default_rng(6).normal(size=40) * 0.1
    assert look(noise, SequentialTest(margin=1)).verdict == EQUIVALENT
    assert look([*noise, -INF], SequentialTest(margin=1)).verdict == INCONCLUSIVE
    assert look([*noise, NAN], SequentialTest(margin=1)).verdict == EQUIVALENT  # both diverged
    assert more_pairs([*noise, -INF], SequentialTest(margin=1)) is None


def test_bounded_differences_may_have_any_shape():
    bounded = {"assumption": BOUNDED, "bounds": (-1.0, 1.0)}
    noise = np.random.default_rng(7).normal(size=60) * 0.02
    assert decide(noise + 0.3, SequentialTest(**bounded)).verdict == BETTER
    assert decide(noise - 0.3, SequentialTest(**bounded)).verdict == WORSE
    assert decide(noise, SequentialTest(margin=0.2, **bounded)).verdict == EQUIVALENT
    # 20 pairs of +0.03 leave room for a fall of 0.3 in one run of ten; no shape is assumed
    assert look(noise[:20] + 0.03, SequentialTest(**bounded)).verdict == INCONCLUSIVE
    assert look([0.3] * 20, SequentialTest(**bounded)).verdict == BETTER
    assert look([-INF] * 20, SequentialTest(**bounded)).verdict == WORSE


def test_a_margin_or_alpha_that_makes_no_test_is_refused():
    for wrong in ({"margin": -1.0}, {"alpha": 0.0}, {"alpha": 1.0}, {"margin": NAN}):
        with pytest.raises(ValueError, match="give no test"):
            look([1.0], SequentialTest(**wrong))
    with pytest.raises(ValueError, match="without bounds"):
        look([1.0], SequentialTest(assumption=BOUNDED))
    with pytest.raises(ValueError, match="'normal' is none of symmetric, bounded"):
        look([1.0], SequentialTest(assumption="normal"))


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
    assert more_pairs(np.array([0.1, 0.11] * 10)) == 0
    assert more_pairs([1.0]) is None and more_pairs([]) is None
    assert more_pairs([1.0, -1.0] * 10) is None  # no margin, no difference: never
    assert more_pairs([1.0, -1.0] * 6, SequentialTest(margin=0.3)) > 20
    assert more_pairs([-INF] * 4) == 3
    bounded = {"assumption": BOUNDED, "bounds": (-10.0, 10.0)}
    missing = more_pairs(d, SequentialTest(**bounded))
    assert decide(again, SequentialTest(**bounded)).pairs == pytest.approx(12 + missing, rel=0.1)


def share(draw, trials, cap, wrong, **options):
    """Share of simulated comparisons that end with one of the verdicts."""
    found = [decide(draw(cap), SequentialTest(**options)).verdict for _ in range(trials)]
    return float(np.mean([verdict in wrong for verdict in found]))


DIFFERENT = (BETTER, WORSE)


def symmetric_draws(rng):
    return {
        "normal": lambda n: rng.normal(size=n),
        "heavy": lambda n: rng.standard_t(2, size=n),
        "steps": lambda n: rng.integers(-2, 3, size=n) / 100,
        "diverging": lambda n: rng.choice([-INF, -1.0, 1.0, INF, NAN], size=n),
    }


def skewed_draws(rng):
    """Differences with a mean of 0 and a tail on one side."""
    return {
        "exponential": lambda n: rng.exponential(size=n) - 1,
        "accuracy": lambda n: rng.binomial(100, rng.beta(9, 1, n)) / 100 - 0.9,
    }


@pytest.mark.long
def test_looking_after_every_pair_keeps_the_error():
    rng, trials = np.random.default_rng(11), 200
    for draw in (symmetric_draws(rng) | skewed_draws(rng)).values():
        assert few(share(draw, trials, 30, DIFFERENT), 0.05, trials)


@pytest.mark.long
def test_bounded_differences_keep_the_error_with_collapses_too():
    # B is 0.01 better in nine runs of ten and 0.09 worse in the tenth: equal means.
    rng, trials = np.random.default_rng(17), 200
    bounded = {"assumption": BOUNDED, "bounds": (-1.0, 1.0)}
    draws = skewed_draws(rng) | {
        "collapsing": lambda n: np.where(rng.random(n) < 0.1, -0.09, 0.01),
        "falling far": lambda n: np.where(rng.random(n) < 0.1, -0.9, 0.1),
    }
    del draws["exponential"]
    for draw in draws.values():
        assert few(share(draw, trials, 60, DIFFERENT, **bounded), 0.05, trials)


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
@pytest.mark.parametrize(
    "name", ["normal", "heavy", "steps", "diverging", "exponential", "accuracy"]
)
def test_type_one_error_while_looking_after_each_of_60_pairs(name):
    rng, trials = np.random.default_rng(13), 1000
    draw = (symmetric_draws(rng) | skewed_draws(rng))[name]
    assert few(share(draw, trials, 60, DIFFERENT), 0.05, trials)


@pytest.mark.thorough
@pytest.mark.parametrize("edge", [1.0, -1.0])
def test_at_the_edge_of_the_margin_there_is_no_verdict(edge):
    rng, trials = np.random.default_rng(14), 400
    for wrong in ((EQUIVALENT,), DIFFERENT):
        found = share(lambda n: rng.normal(size=n) + edge, trials, 60, wrong, margin=1.0)
        assert few(found, 0.05, trials)


@pytest.mark.long
def test_clear_differences_take_few_pairs():
    rng, trials = np.random.default_rng(16), 100
    found = [decide(rng.normal(size=80) + 2) for _ in range(trials)]
    assert all(f.verdict == BETTER for f in found)
    assert np.median([f.pairs for f in found]) <= 8


@pytest.mark.thorough
def test_power_and_coverage_at_all_times():
    rng, trials = np.random.default_rng(16), 300
    found = [decide(rng.normal(size=80) + 1) for _ in range(trials)]
    assert all(f.verdict == BETTER for f in found)
    assert many(np.mean([f.pairs <= 15 for f in found]), 0.5, trials)  # docs/compare.md's median
    inside = [decide(rng.normal(size=80), SequentialTest(margin=1.5)) for _ in range(trials)]
    assert np.mean([f.verdict == EQUIVALENT for f in inside]) > 0.98
    held = 0
    for _ in range(trials):
        d = rng.normal(size=40)
        held += all(0.0 in confidence_sequence(d[:n]) for n in range(7, 41, 3))
    assert many(held / trials, 0.95, trials)


def test_neither_numbers_nor_failures_alone_are_enough():
    together = [INF] * 4 + [0.3, 0.31, 0.29, 0.3]
    assert look(together).verdict == INCONCLUSIVE
    assert look([-x for x in together]).verdict == INCONCLUSIVE
    assert look([INF] * 7 + [0.3, 0.31, 0.29]).verdict == BETTER


def test_a_pair_of_which_one_diverged_is_further_off_than_any_number():
    d = pair_differences([1.0, NAN, 2.0, NAN], [2.0, 3.0, NAN, NAN])
    assert d[:3].tolist() == [1.0, INF, -INF] and math.isnan(d[3])
    assert pair_differences([1.0], [2.0], larger_is_better=False).tolist() == [-1.0]
    with pytest.raises(ValueError, match="2 and 1 numbers"):
        pair_differences([1.0, 2.0], [1.0])
