"""Rows divided anew: every row is somewhere, folds share nothing, a seed decides it all."""

import numpy as np
import pytest

from whydiff.core.dividing import divided, divides, folds_of, held_out
from whydiff.core.errors import WhydiffError
from whydiff.core.plan import draw_plan

BOTH = ("initialization", "data-content")


@pytest.mark.parametrize(("way", "held"), [("split", 30), ("kfold=7", 21)])
def test_every_row_is_trained_on_or_held_out(way, held):
    train, out = divided(way, 150, 30, seed=11)
    assert sorted([*train, *out]) == list(range(150)) and len(out) == held
    assert held_out(way, 150, 30) == held
    again, other = divided(way, 150, 30, 11), divided(way, 150, 30, 12)
    assert np.array_equal(train, again[0]) and set(out) != set(other[1])


def test_folds_of_a_partition_hold_out_each_row_at_most_once():
    folds = [set(divided("kfold=4", 150, 0, seed=40 + fold)[1]) for fold in range(4)]
    assert [len(fold) for fold in folds] == [37] * 4 and len(set.union(*folds)) == 148


def test_blocks_take_the_folds_of_a_partition_in_turns():
    plan = draw_plan(BOTH, BOTH, {}, blocks=7, ways={"data-content": "kfold=3"})
    bases = [plan.block(n)[0].replica for n in range(7)]
    seeds = [replica.seeds["data-content"] for replica in bases]
    assert [seed % 3 for seed in seeds] == [0, 1, 2, 0, 1, 2, 0]
    assert len({seed // 3 for seed in seeds}) == 3 and seeds[0] // 3 == seeds[2] // 3
    assert len({replica.seeds["initialization"] for replica in bases}) == 7
    assert all(replica.division == "kfold=3" for replica in bases)
    assert plan.members[0].replica.division == ""


def test_only_ways_that_hold_out_rows_divide_them():
    assert divides("split") and divides("kfold=2") and not divides("bootstrap")


@pytest.mark.parametrize("way", ["kfold", "kfold=1", "kfold=x", "kfold=-3", "kfold=10000"])
def test_what_is_no_number_of_folds_is_said(way):
    with pytest.raises(WhydiffError, match="no number of folds") as said:
        folds_of(way)
    assert "kfold=5" in said.value.way_out
