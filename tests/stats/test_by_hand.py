"""Small samples whose intervals, verdicts and notes are computed here by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from whydiff.core.estimate import Estimate
from whydiff.stats import bets, intervals, paired, sequential
from whydiff.stats.probe_noise import calibrated_variance, variance_parts
from whydiff.stats.quantiles import beta, chi_square, normal, student, student_tail
from whydiff.stats.sequential import (
    BOUNDED,
    STANDARD,
    SequentialTest,
    bounded_process,
    confidence_sequence,
    decide,
    fewest_alike,
    fewest_pairs,
    look,
    more_pairs,
    pair_differences,
    symmetric_process,
    t_process,
)

NAN, INF = math.nan, math.inf


def test_quantiles_are_those_of_scipy():
    assert normal(0.975) == pytest.approx(stats.norm.ppf(0.975))
    assert student(4, 0.9) == pytest.approx(stats.t.ppf(0.95, 4))
    assert student_tail(1.5, 7) == pytest.approx(stats.t.sf(1.5, 7))
    assert chi_square(5, 0.3) == pytest.approx(stats.chi2.ppf(0.3, 5))
    assert beta(2, 3, 0.4) == pytest.approx(stats.beta.ppf(0.4, 2, 3))


# --- one sample ----------------------------------------------------------------------------------


def test_the_mean_of_runs_over_overlapping_folds_has_a_wider_interval():
    values = [1.0, 2.0, 4.0, 5.0]
    half = stats.t.ppf(0.975, 3) * np.std(values, ddof=1)
    for overlap in (0.0, 0.25):
        found = intervals.mean([*values, NAN], overlap=overlap)
        assert found.high == pytest.approx(3 + half * math.sqrt(1 / 4 + overlap))
        assert found.low == pytest.approx(3 - half * math.sqrt(1 / 4 + overlap))
        assert (found.n, found.left_out, found.confidence, found.note) == (4, 1, 0.95, "")


def test_runs_equal_to_the_resolution_of_their_number_are_equal():
    found = intervals.mean([0.5, 0.6], resolution=0.11)
    assert found.note.startswith("all 2 runs gave the same number") and found.high == INF
    assert intervals.mean([0.5, 0.6], resolution=0.09).note == ""


def test_the_spread_of_few_runs():
    few = intervals.spread([1.0, 2.0, 4.0, 8.0])
    assert (few.low, few.high, few.n) == (0.0, INF, 4)
    assert few.note == "an interval takes 5 runs or more"
    assert few.value == pytest.approx(np.std([1, 2, 4, 8], ddof=1))
    assert intervals.spread([1.0, 2.0, 4.0, 8.0, 9.0]).high < INF
    assert intervals.spread([]).note == "no runs" and math.isnan(intervals.spread([1.0]).value)
    same = intervals.spread([0.5] * 4, bounds=(0.0, 1.0))
    assert same.value == same.low == 0 and same.high == pytest.approx(
        0.5 * math.sqrt(1 - 0.05**0.25)
    )
    exact = intervals.spread([1.0, 2.0, 4.0], normal=True)
    assert exact.note == "the interval assumes normal data"


def test_proportions_at_their_ends():
    none, every = intervals.proportion(0, 5), intervals.proportion(5, 5)
    assert none.low == 0 and none.high == pytest.approx(1 - 0.025 ** (1 / 5))
    assert every.high == 1 and every.low == pytest.approx(0.025 ** (1 / 5))
    assert intervals.proportion(0, 0).note == "no runs"
    for count, n in ((-1, 5), (6, 5)):
        with pytest.raises(ValueError, match=f"{count} of 5 is not a proportion"):
            intervals.proportion(count, n)


def test_the_place_of_a_run_counts_ties_half():
    found = intervals.place(2.0, [1.0, 2.0, 2.0, 3.0, NAN])
    assert (found.percentile.value, found.percentile.n, found.percentile.left_out) == (0.5, 4, 1)
    assert found.percentile.low == pytest.approx(stats.beta.ppf(0.025, 1, 4))
    assert found.percentile.high == pytest.approx(stats.beta.ppf(0.975, 4, 1))
    assert found.percentile.note == "2 of 4 runs gave the same number" and found.p == 1.0
    lowest = intervals.place(0.0, [1.0, 2.0, 3.0])
    assert lowest.p == pytest.approx(2 / 4) and lowest.percentile.note == ""
    assert intervals.place(9.0, [1.0, 2.0, 3.0]).p == pytest.approx(2 / 4)
    second = intervals.place(1.5, [1.0, 2.0, 3.0, 4.0, 5.0])
    assert second.p == pytest.approx(4 / 6)
    assert lowest.ordinary() is None and lowest.ordinary(0.5) is False
    assert lowest.ordinary(0.49) is None and second.ordinary(0.5) is True
    assert intervals.place(NAN, [1.0]).percentile.note == "the own run has no finite number"
    assert intervals.place(1.0, []).ordinary() is None


# --- pairs of a fixed number ---------------------------------------------------------------------


def test_the_probability_that_b_is_above_by_brunner_and_munzel():
    x, y = np.array([1.0, 3.0, 4.0, 7.0]), np.array([2.0, 3.0, 6.0, 8.0])
    above = (y[:, None] > x).astype(float) + 0.5 * (y[:, None] == x)
    placements = above.mean(axis=1) + above.mean(axis=0)
    value = above.mean()
    error = math.sqrt(np.var(placements, ddof=1) / 4) / (value * (1 - value))
    half = stats.t.ppf(0.95, 3) * error
    found = paired.probability([*x, NAN], [*y, 1.0], 0.9)
    logit = math.log(value / (1 - value))
    ends = [1 / (1 + math.exp(-(logit + sign * half))) for sign in (-1, 1)]
    assert (found.value, found.low, found.high) == pytest.approx((value, *ends))
    assert (found.n, found.left_out, found.confidence, found.note) == (4, 1, 0.9, "")


def test_the_probability_without_spread():
    above = paired.probability([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    assert (above.value, above.high) == (1.0, 1.0) and above.low == pytest.approx(0.025 ** (1 / 3))
    assert above.note == "every run of B is above all of A"
    below = paired.probability([4.0, 5.0, 6.0], [1.0, 2.0, 3.0])
    assert (below.value, below.low) == (0.0, 0.0)
    assert below.high == pytest.approx(1 - 0.025 ** (1 / 3))
    assert below.note == "every run of B is below all of A"
    same = paired.probability([1.0] * 3, [1.0] * 3)
    share = 1 - 0.05 ** (1 / 3)
    assert (same.low, same.high) == pytest.approx((0.5 - share / 2, 0.5 + share / 2))
    assert same.note == "no spread was seen; up to 63 % of pairs of runs may be unlike these"
    two = paired.probability([1.0, 2.0], [2.0, 3.0])
    assert (two.value, two.low, two.high) == (0.875, 0.0, 1.0)
    assert two.note == "an interval takes 3 pairs or more"
    none = paired.probability([], [])
    assert (none.note, none.n, none.left_out) == ("no complete pairs", 0, 0)


def test_shifts_are_told_of_pairs():
    one = paired.shift([1.0], [2.0])
    assert one.note == "one pair: nothing is known about the spread" and one.value == 1.0
    same = paired.shift([1.0, 2.0], [1.5, 2.5], bounds=(0.0, 3.0))
    assert same.note == "all 2 pairs gave the same number; up to 78 % of pairs may give another"
    share = 1 - 0.05**0.5
    assert (same.low, same.high) == pytest.approx((0.5 - 3.5 * share, 0.5 + 2.5 * share))
    assert paired.shift([1.0, 2.0], [1.5, 2.5]).high == INF
    with pytest.raises(ValueError, match="1 and 2 numbers do not pair"):
        paired.complete_pairs([1.0], [1.0, 2.0])


def test_sign_flips_of_more_pairs_than_are_counted_are_drawn():
    rng = np.random.default_rng(0)
    assert paired.sign_flip(np.ones(16), rng) == 2.0**-15
    drawn = paired.sign_flip(np.ones(17), rng)
    assert 1 / 10_001 <= drawn <= 5 / 10_001
    assert paired.sign_flip([1.0, 2.0, -3.0], rng) == 1.0
    assert paired.sign_flip([3.0, 2.0, 1.0], rng) == 0.25
    assert math.isnan(paired.sign_flip([], rng))


def test_equivalence_of_pairs_by_hand():
    x, y = np.array([1.0, 2.0, 3.0, 5.0]), np.array([1.5, 2.0, 3.5, 5.2])
    d = y - x
    error = np.std(d, ddof=1) / 2
    found = paired.equivalence(x, y, 0.8)
    assert found.p == pytest.approx(stats.t.sf((0.8 - d.mean()) / error, 3))
    assert found.equivalent == (found.p < 0.05) and found.interval.confidence == pytest.approx(0.9)
    assert paired.equivalence(y, x, 0.8).p == pytest.approx(found.p)
    assert not paired.equivalence(x, y, 0.3).equivalent
    same = paired.equivalence([1.0] * 59, [1.0] * 59, 0.0)
    assert same.equivalent and same.p == pytest.approx(0.95**59)
    assert not paired.equivalence([1.0] * 58, [1.0] * 58, 0.0).equivalent
    apart = paired.equivalence([1.0] * 59, [1.5] * 59, 0.4)
    assert (apart.equivalent, apart.p) == (False, 1.0)
    assert paired.equivalence([1.0] * 59, [1.5] * 59, 0.5).equivalent
    one = paired.equivalence([1.0], [1.0], 1.0)
    assert not one.equivalent and math.isnan(one.p)
    with pytest.raises(ValueError, match="a margin of -1 is no distance"):
        paired.equivalence(x, y, -1)


def test_verdicts_at_the_margin():
    def verdict(low, high, margin=0.5, n=3):
        return paired.verdict(Estimate(0.0, low, high, n, 0.95), margin)

    assert verdict(0.5, 1.0) == paired.INCONCLUSIVE and verdict(0.51, 1.0) == paired.BETTER
    assert verdict(-1.0, -0.5) == paired.INCONCLUSIVE and verdict(-1.0, -0.51) == paired.WORSE
    assert verdict(-0.5, 0.5) == paired.EQUIVALENT and verdict(-0.5, 0.51) == paired.INCONCLUSIVE
    assert verdict(-0.5, 0.5, n=1) == paired.INCONCLUSIVE
    assert verdict(0.0, 0.0, margin=0.0) == paired.EQUIVALENT


def test_p_values_are_adjusted_where_they_are_known():
    found = paired.adjusted([0.01, NAN, 0.04])
    assert found[0] == pytest.approx(0.02) and math.isnan(found[1])
    assert found[2] == pytest.approx(0.04) and math.isnan(paired.adjusted([NAN])[0])


# --- looking after every pair --------------------------------------------------------------------


def test_pairs_in_which_a_run_diverged():
    d = pair_differences([1.0, NAN, 2.0, INF], [3.0, 1.0, NAN, -INF], larger_is_better=False)
    assert d[:3].tolist() == [-2.0, INF, -INF] and math.isnan(d[3])
    seen = look(d)
    assert (seen.pairs, seen.diverged_a, seen.diverged_b) == (4, 2, 2)
    assert seen.unseen == pytest.approx(1 - 0.05 ** (1 / 3)) and seen.effect.left_out == 3
    with pytest.raises(ValueError, match="1 and 2 numbers do not pair"):
        pair_differences([1.0], [1.0, 2.0])


def test_a_look_at_nothing():
    seen = look([])
    assert (seen.verdict, seen.pairs, seen.e, seen.symmetric_e) == ("inconclusive", 0, 1.0, 1.0)
    assert (seen.bounded_e, seen.skewness, seen.unseen) == (1.0, 0.0, 1.0)
    assert seen.effect.note == "no complete pairs" and not seen.refused


def test_evidence_of_both_sides_is_halved():
    d = np.array([1.0, 2.0, -0.5, 1.5])
    above, below = bets.symmetric(d, 0.0)
    capital = [np.mean(np.exp(side[-1])) for side in (above, below)]
    assert symmetric_process(d) == pytest.approx(sum(capital) / 2)
    limits = (-3.0, 4.0)
    capital = [np.mean(np.exp(side[-1])) for side in bets.bounded(d, 0.5, *limits)]
    assert bounded_process(d, limits, 0.5) == pytest.approx(sum(capital) / 2)
    assert look(d, SequentialTest(bounds=limits)).bounded_e == bounded_process(d, limits)
    assert look(d).bounded_e == 1.0


def test_the_evidence_of_normal_differences_at_its_edges():
    assert t_process([]) == t_process([3.0]) == 1.0
    assert t_process([0.0, 0.0], g=2.0) == pytest.approx(1 / math.sqrt(5))
    assert t_process([1.0, -1.0]) == pytest.approx(1 / math.sqrt(3))
    assert t_process([2.0, 2.0], null=2.0) == pytest.approx(1 / math.sqrt(3))
    assert t_process([1.0, 1.0]) == pytest.approx(3.0 ** (2 / 2) / math.sqrt(3))


def test_a_tail_against_the_mean_refuses_a_verdict():
    seen = look([1.0] * 9 + [-3.0])
    assert seen.skewness < -1.5 and seen.effect.value > 0 and seen.refused
    assert not replace(seen, assumption=BOUNDED).refused
    assert not replace(seen, skewness=-1.49).refused and replace(seen, skewness=-1.5).refused
    assert not replace(seen, skewness=2.0).refused, "a tail on the side of the mean"
    down = replace(seen, skewness=2.0, effect=replace(seen.effect, value=-0.5))
    assert down.refused


def test_the_skewness_is_that_of_scipy():
    d = [1.0, 2.0, 4.0, 9.0, NAN]
    assert look(d).skewness == pytest.approx(stats.skew([1.0, 2.0, 4.0, 9.0]))
    assert look([1.0, 1.0]).skewness == 0 and look([INF]).skewness == 0
    assert look([1e-200, 2e-200, 4e-200]).skewness == pytest.approx(stats.skew([1.0, 2.0, 4.0]))


def test_how_many_pairs_a_verdict_takes():
    assert (fewest_pairs(), fewest_alike()) == (7, 59)
    assert fewest_pairs(0.2) < 7 < fewest_pairs(0.001) and fewest_alike(0.01) == 90
    assert more_pairs([0.0] * 9) == 50 and more_pairs([0.0] * 58) == 1
    assert more_pairs([0.0] * 59) == 0 and more_pairs([1.0]) is None
    assert more_pairs([NAN, 1.0, NAN]) is None and more_pairs([]) is None
    within = SequentialTest(margin=0.5)
    assert more_pairs([0.1] * 9, within) == 50
    d = [0.5, 1.5, 0.75, 1.25, 0.9]
    missing = more_pairs(d)
    assert missing is not None and decide([*d, *(d * 20)]).pairs <= 5 + missing + 5
    assert more_pairs([1.0, -1.0]) is None


def test_a_test_stops_at_its_first_verdict():
    seen = decide([1.0, 1.1, 0.9, 1.2, 0.8, 1.05, 0.95] * 3)
    assert (seen.verdict == "better" and seen.pairs == fewest_pairs()) or seen.pairs <= 12
    assert decide([-1.0, -1.1, -0.9, -1.2, -0.8, -1.05, -0.95] * 3).verdict == "worse"
    assert decide([1.0, -1.0]).pairs == 2


def test_the_notes_of_a_confidence_sequence():
    few = confidence_sequence([1.0, 2.0, 3.0])
    assert few.note == "an interval takes 7 pairs or more" and few.low == -INF
    skewed = confidence_sequence([1.0, 1.1, 0.9, 1.2, 0.8, 1.05, 0.95, 9.0])
    assert skewed.note == (
        "the differences are skewed: an end on the side of their tail takes more pairs"
    )
    same = confidence_sequence([1.0] * 5, SequentialTest(bounds=(-2.0, 2.0)))
    share = 1 - 0.05 ** (1 / 5)
    assert (same.low, same.high) == pytest.approx((1 - 3 * share, 1 + share))
    assert same.note == "all 5 pairs gave the same number; up to 45 % of pairs may give another"
    assert (same.confidence, same.left_out) == (pytest.approx(0.95), 0)
    d = np.array([0.8, 1.2, 0.9, 1.1, 0.85, 1.15, 0.95, 1.05, 1.0])
    found = confidence_sequence(d)
    assert found.note == "" and found.low < 1.0 < found.high
    for end, side, outwards in ((found.low, 0, -1e-6), (found.high, 1, 1e-6)):
        beyond, within = (
            bets.total(bets.symmetric(d, end + step)[side])[-1] for step in (outwards, -outwards)
        )
        assert within < STANDARD.level < beyond


def test_tests_that_are_none():
    for wrong in ({"margin": -1.0}, {"alpha": 0.0}, {"alpha": 1.0}, {"margin": NAN}):
        with pytest.raises(ValueError, match="give no test"):
            SequentialTest(**wrong)
    with pytest.raises(ValueError, match="'normal' is none of symmetric, bounded"):
        SequentialTest(assumption="normal")
    with pytest.raises(ValueError, match="cannot be assumed to be bounded"):
        SequentialTest(assumption=BOUNDED)
    assert SequentialTest(alpha=0.1).level == pytest.approx(math.log(20))
    assert sequential.STANDARD.alpha == 0.05


# --- the test set's part of the variance ---------------------------------------------------------


def test_the_parts_of_the_variance_of_tables_too_small():
    one = variance_parts(np.zeros((1, 4)))
    assert one.training.note == "needs two runs" and math.isnan(one.observed)
    narrow = variance_parts(np.zeros((3, 1)))
    assert narrow.training.note == "needs two examples" and narrow.examples == 1
    two = variance_parts([[0.0, 1.0, 1.0], [1.0, 1.0, 0.0]])
    assert two.training.note == "two runs: nothing is known about the spread"
    assert (two.training.low, two.training.high, two.training.n) == (-INF, INF, 2)
    assert not two.distinguishable
    table = np.random.default_rng(0).random((6, 40)) < 0.3
    found = variance_parts(table)
    assert found.training.note == "not distinguishable from 0" and not found.distinguishable
    assert found.test_set == pytest.approx(np.var(table, axis=0, ddof=1).sum() / 1600)
    assert calibrated_variance(0.2, 50) == pytest.approx(0.002)
    assert math.isnan(calibrated_variance(0.2, 0)) and math.isnan(
        variance_parts(np.zeros((3, 0))).observed
    )
