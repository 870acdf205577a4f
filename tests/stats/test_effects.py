import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from whydiff.core.estimate import Estimate
from whydiff.stats import squared_distances as squared
from whydiff.stats.effects import (
    CLAIM,
    EXPLORE,
    Block,
    block,
    effects,
    more_blocks,
    more_blocks_without,
    pooled,
    ratio,
)
from whydiff.testing.simulations import coverage, many, study, true_effects

THREE = {"initialization": 0.5, "data-order": 0.3, "noise": 0.2}


def by_source(found):
    return {effect.source: effect for effect in found}


def test_a_block_uses_every_pair_that_tells_something():
    seen = []
    found = block(
        lambda x, y: float(seen.append((x, y)) or len(seen)),
        "base", {"i": "only i", "j": "only j"}, {"i": "others i", "j": "others j"}, "all",
    )  # fmt: skip
    assert seen[:3] == [("base", "all"), ("only i", "others i"), ("only j", "others j")]
    assert {frozenset(p) for p in seen[3:7]} == {
        frozenset(("base", "only i")), frozenset(("others i", "all")),
        frozenset(("base", "only j")), frozenset(("others j", "all")),
    }  # fmt: skip
    assert found.everything == 2.0 and found.only["i"] == 4.5 and found.others["j"] == 10.5


def test_missing_replicas_leave_the_pairs_that_are_there():
    def gap(x, y):
        return (x - y) ** 2

    found = block(gap, 0.0, {"i": None}, {"i": 1.0}, 3.0)
    assert found == Block(9.0, {"i": 4.0}, {"i": 1.0})
    assert math.isnan(block(gap, None, {"i": None}, {"i": 1.0}, None).everything)


def test_sources_that_only_add_up_have_equal_total_and_main_effects():
    blocks = study(np.random.default_rng(3), 4000, THREE)
    for source, effect in by_source(effects(blocks, list(THREE))).items():
        total, main = true_effects(THREE, 0.0, source)
        assert effect.total.value == pytest.approx(total, abs=0.03)
        assert effect.main.value == pytest.approx(main, abs=0.03)


def test_chaotic_training_gives_every_source_the_whole():
    small = dict.fromkeys(THREE, 0.01)
    blocks = study(np.random.default_rng(3), 400, small, joint=0.97, width=10)
    for effect in effects(blocks, list(THREE)):
        assert effect.total.value == pytest.approx(0.98, abs=0.1)
        assert effect.main.value == pytest.approx(0.01, abs=0.1)


def test_main_effects_are_reported_signed():
    found = effects(study(np.random.default_rng(0), 30, dict.fromkeys(THREE, 0.0), 1.0), THREE)
    assert min(effect.main.value for effect in found) < 0


def test_a_dead_seed_is_named_and_the_living_share_the_rest():
    blocks = study(np.random.default_rng(1), 20, {"initialization": 1.0, "noise": 0.0})
    found = by_source(effects(blocks, ["initialization", "noise"]))
    assert found["noise"].dead and found["noise"].total.value == 0
    assert "changed nothing in 20 blocks" in found["noise"].total.note
    assert not found["initialization"].dead
    assert found["initialization"].total.value == pytest.approx(1)


def test_one_source_is_everything():
    blocks = [block(squared.metric, float(b), {}, {}, b + 1.0) for b in range(5)]
    (found,) = effects(blocks, ["noise"])
    assert found.total.value == 1 and found.main.value == 1 and not found.dead


def test_no_block_one_block_and_blocks_without_numbers():
    assert effects([], ["a", "b"])[0].total.n == 0
    assert math.isnan(effects([], ["a", "b"])[0].total.value)
    one = study(np.random.default_rng(0), 1, THREE)
    found = effects(one, list(THREE))[0]
    assert found.total.n == 1 and (found.total.low, found.total.high) == (0.0, math.inf)
    bad = Block(math.nan, dict.fromkeys(THREE, 1.0), dict.fromkeys(THREE, 1.0))
    found = effects([*study(np.random.default_rng(0), 5, THREE), bad], list(THREE))[0]
    assert (found.total.n, found.total.left_out) == (5, 1)


def test_nothing_that_varies_has_no_effects_and_says_so():
    still = [Block(0.0, {"a": 0.0, "b": 0.0}, {"a": 0.0, "b": 0.0})] * 8
    found = effects(still, ["a", "b"])[0]
    assert math.isnan(found.total.value) and "changed nothing in 8 blocks" in found.total.note
    assert not found.dead


def test_ratio_with_all_the_variability_in_one_block():
    assert ratio([0, 0, 3.0], [0, 0, 4.0]).high == math.inf


def test_an_effect_of_0_in_all_blocks_is_no_proof_of_0():
    found = ratio([0.0] * 5, [1.0, 1, 2, 1, 1])
    share = 1 - 0.05 ** (1 / 5)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(share * 2 / 1.2)  # the largest change over the mean one
    assert "changed nothing in 5 blocks; up to 45 % of blocks may differ" in found.note
    still = ratio([1.0, 1, 2, 1, 1], [1.0, 1, 2, 1, 1])
    assert still.low < still.value == 1 < still.high and "the same in 5 blocks" in still.note


def test_how_many_blocks_without_a_change_make_an_effect_small():
    found = ratio([0.0] * 5, [1.0] * 5)
    missing = more_blocks_without(found, 0.1)
    assert ratio([0.0] * (5 + missing), [1.0] * (5 + missing)).high <= 0.1
    assert ratio([0.0] * (4 + missing), [1.0] * (4 + missing)).high > 0.1
    assert more_blocks(found) is None  # there is no factor of 0
    assert more_blocks_without(ratio([1.0, 2], [1.0, 1]), 0.1) is None


def test_unit_and_order_of_blocks_do_not_matter():
    blocks = study(np.random.default_rng(5), 12, THREE, 0.5)
    scaled = [
        Block(9 * b.everything, {k: 9 * v for k, v in b.only.items()},
              {k: 9 * v for k, v in b.others.items()})
        for b in reversed(blocks)
    ]  # fmt: skip
    for one, other in zip(effects(blocks, THREE), effects(scaled, THREE), strict=True):
        assert one.total.low == pytest.approx(other.total.low)
        assert one.main.high == pytest.approx(other.main.high)


def test_how_many_more_blocks():
    found = effects(study(np.random.default_rng(2), EXPLORE, THREE), list(THREE))[0].total
    missing = more_blocks(found, precision=0.2)
    assert missing > 0
    # The interval of so many blocks is about as narrow as was asked for.
    again = effects(study(np.random.default_rng(4), found.n + missing, THREE), list(THREE))[0].total
    assert math.log(again.high / again.low) / 2 == pytest.approx(math.log(1.2), rel=0.5)
    assert more_blocks(found, precision=100) == 0
    assert more_blocks(effects([], ["a", "b"])[0].total) is None
    assert CLAIM > EXPLORE


def test_squared_distances_of_the_three_kinds():
    assert squared.metric(0.5, 0.7) == pytest.approx(0.04)
    assert math.isnan(squared.metric(0.5, math.nan))
    a, b = np.eye(4)[[0, 1, 2, 3]], np.eye(4)[[0, 1, 3, 2]]
    assert squared.classes([a], [b]) == 0.5
    # half the squared distance of one-hot rows is the same thing
    assert squared.classes([a], [b]) == np.mean(np.sum((a - b) ** 2, axis=1)) / 2
    assert squared.outputs([a], [b]) == pytest.approx(np.mean((a - b) ** 2))
    assert squared.weights({"k": a}, {"k": b}) == 4.0
    assert math.isnan(squared.weights({"k": a}, {"k": a * math.nan}))
    with pytest.raises(ValueError, match="other weights"):
        squared.weights({"k": a}, {"l": a})


def cover(blocks, joint, width, trials, seed):
    """Coverage of T and S, over all sources of simulated studies."""
    rng, total, main = np.random.default_rng(seed), [], []
    parts = {name: part * (1 - joint) for name, part in THREE.items()}
    for _ in range(trials):
        found = effects(study(rng, blocks, parts, joint, width), list(parts))
        for effect in found:
            t, s = true_effects(parts, joint, effect.source)
            total.append(coverage(t, [effect.total]))
            main.append(coverage(s, [effect.main]))
    return float(np.mean(total)), float(np.mean(main))


@pytest.mark.long
def test_coverage_of_both_effects():
    total, main = cover(EXPLORE, 0.3, 20, 150, seed=0)
    assert many(total, 0.94, 150) and many(main, 0.94, 150)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "blocks, joint, width, promised",
    [
        (20, 0.0, 1, 0.94),
        (50, 0.0, 1, 0.94),
        (20, 0.6, 20, 0.93),
        (50, 0.6, 20, 0.94),
        # the product of three normal numbers is far from normal: some per cent are missing
        (20, 0.6, 1, 0.9),
        (50, 0.85, 1, 0.9),
    ],
)
def test_coverage_of_both_effects_wherever_they_come_from(blocks, joint, width, promised):
    total, main = cover(blocks, joint, width, 400, seed=blocks)
    assert many(total, promised, 400) and many(main, promised, 400)


def test_the_interval_of_a_ratio_is_the_jackknife_on_its_logarithm():
    top, bottom = np.array([1.0, 2.0, 4.0]), np.array([2.0, 3.0, 8.0])
    found = ratio([*top, math.nan], [*bottom, 1.0], 0.9)
    left = np.log((7 - top) / (13 - bottom))
    error = math.sqrt(2 / 3 * np.sum((left - left.mean()) ** 2))
    factor = math.exp(error * scipy_stats.t.ppf(0.95, 2))
    assert (found.value, found.low, found.high) == pytest.approx(
        (7 / 13, 7 / 13 / factor, 7 / 13 * factor)
    )
    assert (found.n, found.left_out, found.confidence, found.note) == (3, 1, 0.9, "")
    assert math.isfinite(ratio([1.0, 2.0], [2.0, 3.0]).high)


def test_a_ratio_that_never_varied_leaves_open_what_was_not_seen():
    found = ratio([0.5, 0.5, 1.0, 0.5, 0.5], [1.0, 1.0, 2.0, 1.0, 1.0])
    hidden = (1 - 0.05 ** (1 / 5)) * 2 / 1.2
    assert (found.low, found.high) == pytest.approx((0.5 * (1 - hidden), 0.5 + hidden))
    assert found.note == "the same in 5 blocks; up to 45 % of blocks may differ"
    assert ratio([0.5, 4.5], [1.0, 9.0]).low == 0  # two blocks leave everything open
    one, alone = ratio([1.0], [2.0]), ratio([0, 0, 3.0], [0, 0, 4.0])
    assert one.note == "one block: nothing is known about the spread"
    assert (alone.value, alone.low) == (0.75, 0.0)
    assert alone.note == "a single block holds all the variability"


def test_the_main_effect_is_what_the_others_leave():
    blocks = [
        Block(float(e), {"a": 1.0, "b": 1.0}, {"a": o, "b": 1.0})
        for e, o in ((4, 1), (5, 3), (6, 2))
    ]
    rest = ratio([1.0, 3.0, 2.0], [4.0, 5.0, 6.0], 0.9)
    main = effects(blocks, ["a", "b"], 0.9)[0].main
    assert (main.value, main.low, main.high) == (1 - rest.value, 1 - rest.high, 1 - rest.low)
    assert (main.n, main.confidence) == (3, 0.9)


def test_the_only_source_counts_the_blocks_that_varied():
    blocks = [Block(value, {}, {}) for value in (1.0, 0.0, math.nan)]
    (found,) = effects(blocks, ["noise"])
    assert found.total == found.main
    assert (found.total.low, found.total.high, found.total.value) == (1.0, 1.0, 1.0)
    assert (found.total.n, found.total.left_out) == (2, 1)
    (still,) = effects([Block(0.0, {}, {})] * 3, ["noise"])
    assert still.total.note == "redrawing everything changed nothing in 3 blocks"
    assert not effects([], ["noise"])[0].total.known


def test_blocks_that_depend_on_each_other_are_one_block():
    nan = math.nan
    found = pooled([Block(1.0, {"a": nan}, {"a": 2.0}), Block(3.0, {"a": 4.0}, {"a": 6.0})])
    assert found == Block(2.0, {"a": 4.0}, {"a": 4.0})
    assert math.isnan(pooled([Block(nan, {}, {}), Block(nan, {}, {})]).everything)


def test_how_many_blocks_bring_an_interval_within_a_tenth():
    estimate = Estimate(1.0, 0.5, 2.0, 10, 0.95)
    assert more_blocks(estimate) == 519  # 10 (log 2 / log 1.1)^2, less those that are there
    assert more_blocks(Estimate(1.0, 1.0, 1.0, 1, 0.95)) == 0
    assert more_blocks(Estimate(1.0, 0.0, 2.0, 10, 0.95)) is None


def test_how_many_blocks_without_a_change_are_missing():
    found = ratio([0.0] * 5, [1.0] * 5)
    assert more_blocks_without(found, 0.1) == 24  # 29 in all, as 0.9^29 < 0.05
    assert more_blocks_without(found, 1.0) == more_blocks_without(found, 2.0) == 0
    # one block changed twice as much as the mean: its like counts twice
    assert more_blocks_without(ratio([0.0] * 4, [1.0, 1.0, 4.0, 2.0]), 0.1) == 55
    assert more_blocks_without(ratio([], []), 0.1) is None
