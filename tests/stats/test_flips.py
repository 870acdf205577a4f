import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from whydiff.stats.distances import churn
from whydiff.stats.flips import (
    RunDistances,
    churn_of,
    disagreements,
    excess_churn,
    excess_of,
    flip_rates,
    labels_of,
    root_mean_squares,
)
from whydiff.testing.simulations import coverage, few, many, predicted

TABLES = hnp.arrays(
    np.int64, st.tuples(st.integers(2, 8), st.integers(1, 20)), elements=st.integers(-1, 3)
)


@given(TABLES)
def test_the_mean_flip_rate_is_the_mean_disagreement_of_pairs_exactly(labels):
    runs = len(labels)
    pairs = [np.mean(labels[i] != labels[j]) for i in range(runs) for j in range(i)]
    assert flip_rates(labels).mean() == pytest.approx(np.mean(pairs), abs=1e-12)
    assert churn_of(labels).value == pytest.approx(np.mean(pairs), abs=1e-12)


@given(TABLES)
def test_disagreements_count_every_pair(labels):
    d = disagreements(labels)
    assert np.array_equal(np.diagonal(d), np.zeros(len(labels)))
    assert np.allclose(d, (labels[:, None] != labels[None]).mean(axis=2))
    assert np.allclose(disagreements(labels, labels[:1]), d[:, :1])


def test_labels_are_the_classes_that_churn_compares():
    rng = np.random.default_rng(0)
    several = [rng.random((40, 5)) for _ in range(3)]
    assert labels_of(several).shape == (3, 40)
    assert disagreements(labels_of(several))[0, 1] == pytest.approx(churn(*several[:2]))
    sigmoid = [np.array([[0.2], [0.7], [math.nan]])]
    assert labels_of(sigmoid).tolist() == [[0, 1, -1]]
    assert labels_of([rng.random((4, 6, 6, 3))]).shape == (1, 144)
    assert labels_of([]).shape == (0, 0)


def test_flip_rates_of_known_examples():
    labels = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 2], [0, 1, 3]])
    assert flip_rates(labels) == pytest.approx([0, 2 / 3, 1])
    assert np.isnan(flip_rates(labels[:1])).all()


def test_churn_without_runs_or_examples():
    assert "two runs" in churn_of(np.zeros((1, 5))).note
    assert "no examples" in churn_of(np.zeros((3, 0))).note
    assert churn_of(np.zeros((2, 5))).high == 1.0
    same = churn_of(np.ones((6, 5)))
    assert same.value == same.low == 0 and "another class" in same.note
    assert same.high == pytest.approx(1 - 0.05 ** (1 / 3))  # three pairs that share no run


def test_the_same_thing_twice_has_no_excess():
    labels = predicted(np.random.default_rng(0), 8)
    found = excess_churn(labels, labels, np.random.default_rng(1))
    assert found.excess.value == pytest.approx(0, abs=1e-12)
    assert found.between == pytest.approx(churn_of(labels).value)
    assert found.p == 1 and found.switched.value == 0


@pytest.mark.parametrize("paired", [True, False])
def test_a_change_of_predictions_is_found(paired):
    rng = np.random.default_rng(4)
    found = excess_churn(predicted(rng, 12), predicted(rng, 12, taste=1.5), rng, paired=paired)
    assert found.p < 0.01 and found.excess.low > 0
    assert found.excess.value == pytest.approx(found.between - found.within)
    assert (found.switched is None) == (not paired)


def test_pairs_of_equal_seed_do_not_hide_a_change():
    # B repeats A except on the same tenth of the examples in every run: at equal seeds they
    # agree far more than two seeds of A, and yet there is a change.
    rng = np.random.default_rng(2)
    a = predicted(rng, 10)
    b = a.copy()
    b[:, :15] = (a[:, :15] + 1) % 3
    found = excess_churn(a, b, rng)
    assert found.switched.value == pytest.approx(0.1)
    assert found.switched.value < found.within
    assert found.excess.value > 0.01 and found.p < 0.01


def test_too_few_runs_and_other_shapes():
    rng = np.random.default_rng(0)
    one = predicted(rng, 1)
    assert math.isnan(excess_churn(one, one, rng).p)
    assert excess_churn(predicted(rng, 2), predicted(rng, 2), rng).excess.high == math.inf
    with pytest.raises(ValueError, match="do not compare"):
        excess_churn(predicted(rng, 3), predicted(rng, 4), rng)
    assert "no examples" in excess_churn(np.zeros((3, 0)), np.zeros((3, 0)), rng).excess.note
    excess_churn(predicted(rng, 3), predicted(rng, 4), rng, paired=False)


def test_only_the_given_generator_is_used():
    np.random.seed(3)
    before = np.random.get_state()[1].tolist()
    rng = np.random.default_rng(0)
    tables = predicted(rng, 14), predicted(rng, 14, 0.4)
    one = excess_churn(*tables, np.random.default_rng(5), permutations=200)
    other = excess_churn(*tables, np.random.default_rng(5), permutations=200)
    assert one == other
    assert np.random.get_state()[1].tolist() == before


def simulate(trials, runs, paired, taste, seed, permutations=200):
    rng = np.random.default_rng(seed)
    return [
        excess_churn(
            predicted(rng, runs), predicted(rng, runs, taste), rng,
            paired=paired, permutations=permutations,
        )
        for _ in range(trials)
    ]  # fmt: skip


@pytest.mark.long
def test_coverage_of_churn_and_size_of_the_test():
    rng, trials = np.random.default_rng(1), 250
    truth = flip_rates(predicted(rng, 4000)).mean()
    assert many(
        coverage(truth, (churn_of(predicted(rng, 10)) for _ in range(trials))), 0.94, trials
    )
    found = simulate(trials, 8, True, 0.0, seed=3)
    assert few(float(np.mean([f.p <= 0.05 for f in found])), 0.05, trials)
    assert many(coverage(0.0, (f.excess for f in found)), 0.94, trials)


@pytest.mark.thorough
@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("runs", [6, 20])
def test_size_power_and_coverage_of_excess_churn(paired, runs):
    rng, trials = np.random.default_rng(runs), 400
    a, b = predicted(rng, 5000), predicted(rng, 5000, 1.0)
    p = [np.stack([(t == c).mean(axis=0) for c in range(3)]) for t in (a, b)]
    truth = float(np.mean(np.sum((p[0] - p[1]) ** 2, axis=0)) / 2)
    alike = simulate(trials, runs, paired, 0.0, seed=runs)
    assert few(float(np.mean([f.p <= 0.05 for f in alike])), 0.05, trials)
    assert many(coverage(0.0, (f.excess for f in alike)), 0.94, trials)
    changed = simulate(trials, runs, paired, 1.0, seed=runs + 1)
    assert many(coverage(truth, (f.excess for f in changed)), 0.93, trials)
    assert np.mean([f.excess.value for f in changed]) == pytest.approx(truth, rel=0.05)
    if runs == 20:
        assert np.mean([f.p <= 0.05 for f in changed]) > 0.9


def test_excess_works_for_distances_of_numbers_too():
    rng = np.random.default_rng(6)
    a = rng.normal(size=(10, 50))
    d = root_mean_squares(np.concatenate([a, a + 1]))
    expected = np.sqrt(np.mean((a[2] - a[7]) ** 2))
    assert d[2, 7] == pytest.approx(expected) and d[2, 12] == pytest.approx(1)
    assert excess_of(RunDistances(d, 10), rng).p < 0.01
    alike = root_mean_squares(np.concatenate([a, a]))
    assert excess_of(RunDistances(alike, 10), rng).p == 1
    tiny = root_mean_squares([[1e6, 1e6], [1e6, 1e6 + 1e-3]])
    assert tiny[0, 1] == pytest.approx(1e-3 / math.sqrt(2), rel=1e-3)


def excess_by_hand(d, kinds, partner):
    """Excess, between and within: means over the pairs of runs, those of equal seed left out."""
    between, within = [], {True: [], False: []}
    for i in range(len(d)):
        for j in range(i):
            if kinds[i] != kinds[j]:
                between += [] if partner[i] == j else [d[i, j]]
            else:
                within[kinds[i]].append(d[i, j])
    inside = (np.mean(within[True]) + np.mean(within[False])) / 2
    return np.mean(between) - inside, np.mean(between), inside


def without(d, kinds, partner, left_out):
    kept = [i for i in range(len(d)) if i not in left_out]
    place = {old: new for new, old in enumerate(kept)}
    partners = [place.get(partner[i], -1) for i in kept]
    return excess_by_hand(d[np.ix_(kept, kept)], [kinds[i] for i in kept], partners)[0]


def jackknife(values):
    values = np.asarray(values)
    return math.sqrt((len(values) - 1) / len(values) * np.sum((values - values.mean()) ** 2))


def distances(runs, seed=0):
    d = np.random.default_rng(seed).random((runs, runs))
    return np.triu(d, 1) + np.triu(d, 1).T


def test_the_excess_of_paired_runs_its_interval_and_its_p_by_hand():
    k, d = 4, distances(8)
    kinds, partner = [True] * k + [False] * k, [4, 5, 6, 7, 0, 1, 2, 3]
    found = excess_of(RunDistances(d, k), np.random.default_rng(0), confidence=0.9)
    value, between, within = excess_by_hand(d, kinds, partner)
    assert (found.excess.value, found.between, found.within) == pytest.approx(
        (value, between, within)
    )
    left = [without(d, kinds, partner, (i, i + k)) for i in range(k)]
    width = jackknife(left) * stats.t.ppf(0.95, k - 1)
    assert (found.excess.low, found.excess.high) == pytest.approx((value - width, value + width))
    assert (found.excess.n, found.excess.note) == (k, "")
    ways = []
    for way in range(2**k):
        swapped = [bool(way >> i & 1) for i in range(k)]
        ways.append(excess_by_hand(d, [not s for s in swapped] + swapped, partner)[0])
    assert found.p == pytest.approx(np.mean(np.array(ways) >= value - 1e-12))
    assert found.switched.value == pytest.approx(np.mean([d[i, i + k] for i in range(k)]))
    assert found.switched.confidence == 0.9


def test_the_excess_of_unpaired_runs_and_its_interval_by_hand():
    d, kinds, nobody = distances(7, 1), [True] * 3 + [False] * 4, [-1] * 7
    found = excess_of(RunDistances(d, 3, paired=False), np.random.default_rng(0))
    value, between, within = excess_by_hand(d, kinds, nobody)
    assert (found.excess.value, found.between, found.within) == pytest.approx(
        (value, between, within)
    )
    left = [without(d, kinds, nobody, (i,)) for i in range(7)]
    error = math.hypot(jackknife(left[:3]), jackknife(left[3:]))
    width = error * stats.t.ppf(0.975, 2)
    assert (found.excess.low, found.excess.high) == pytest.approx((value - width, value + width))
    assert found.excess.n == 3 and found.switched is None


def two_kinds(n, m):
    kinds = np.arange(n + m) < n
    return (kinds[:, None] != kinds[None]).astype(float)


def test_p_is_exact_for_few_pairs_and_counts_the_ways_drawn_for_more():
    def p(n, m, paired=True, **options):
        runs = RunDistances(two_kinds(n, m), n, paired)
        return excess_of(runs, np.random.default_rng(0), **options).p

    assert p(13, 13) == 1 / 4096  # all ways to swap pairs, each with its mirror image
    assert p(14, 14, permutations=99) == 1 / 100
    assert p(14, 14) == 1 / 2001
    assert p(8, 9, paired=False, permutations=99) == 1 / 100


def test_runs_that_all_agree_leave_open_what_was_not_seen():
    labels = np.zeros((4, 5), int)
    found = excess_churn(labels, labels, np.random.default_rng(0)).excess
    share = 1 - 0.05 ** (1 / 4)
    assert (found.low, found.high) == pytest.approx((-share, share))
    assert found.note == "up to 53 % of pairs of runs may be unlike these"
    two = excess_churn(labels[:2], labels[:2], np.random.default_rng(0)).excess
    assert (two.low, two.n) == (-math.inf, 2)
    assert two.note == "two runs of each: nothing is known about the spread"
    unbounded = RunDistances(np.zeros((8, 8)), 4)
    assert excess_of(unbounded, np.random.default_rng(0)).excess.high == math.inf


def test_too_few_runs_say_how_many_there_were():
    rng = np.random.default_rng(0)
    none = excess_churn(np.zeros((3, 0)), np.zeros((4, 0)), rng, paired=False)
    assert (none.excess.n, none.excess.note) == (3, "no examples") and math.isnan(none.p)
    few = excess_churn(np.zeros((1, 2)), np.zeros((4, 2)), rng, paired=False)
    assert (few.excess.n, few.excess.note) == (1, "needs two runs of each")
    assert math.isnan(few.between) and math.isnan(few.within) and math.isnan(few.p)


def test_churn_and_its_interval_by_hand():
    labels = np.array([[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 1], [1, 0, 0, 1]])
    d = (labels[:, None] != labels[None]).mean(axis=2)
    left = []
    for i in range(4):
        kept = [j for j in range(4) if j != i]
        left.append(d[np.ix_(kept, kept)].sum() / 6)
    found = churn_of(labels, 0.9)
    width = jackknife(left) * stats.t.ppf(0.95, 3)
    value = d.sum() / 12
    assert (found.value, found.low, found.high) == pytest.approx(
        (value, max(0, value - width), min(1, value + width))
    )
    assert (found.n, found.confidence, found.note) == (4, 0.9, "")
    assert churn_of(labels[:3]).n == 3 and "nothing is known" not in churn_of(labels[:3]).note
    two = churn_of(labels[:2])
    assert (two.value, two.low, two.high, two.n) == (0.25, 0.0, 1.0, 2)
    apart = churn_of(np.arange(5)[:, None])
    assert (apart.value, apart.high) == (1.0, 1.0)
    assert apart.low == pytest.approx(1 - (1 - 0.05 ** (1 / 2)))
    assert apart.note == "up to 78 % of pairs of runs may be unlike these"
    same = churn_of(np.ones((6, 5)))
    assert same.note == (
        "no run predicts another class than any other; "
        "up to 63 % of pairs of runs may be unlike these"
    )
