"""Calls in their order, and one digest per row over several arrays."""

import numpy as np
import pytest

from whydiff.core.calls import GeneratorState, HeldValue, Inputs, Leaf, combined_rows
from whydiff.core.digests import unordered_digest

ROWS = np.random.default_rng(0).integers(0, 2**63, (2, 5, 2)).astype(np.uint64)


def leaf(role, path, rows):
    return Leaf(role, path, "float32", (3,), rows)


def test_rows_of_a_single_array_are_its_own():
    assert np.array_equal(Inputs((leaf("x", "", ROWS[0]),)).rows("x"), ROWS[0])


def test_rows_of_several_arrays_depend_on_each_and_on_their_positions():
    both = combined_rows([ROWS[0], ROWS[1]])
    assert both.shape == (5, 2) and both.dtype == np.uint64
    assert not np.array_equal(both, combined_rows([ROWS[1], ROWS[0]]))
    changed = ROWS[1].copy()
    changed[3, 0] ^= np.uint64(1)
    differing = (both != combined_rows([ROWS[0], changed])).any(axis=1)
    assert differing.tolist() == [False, False, False, True, False]


def test_rows_follow_their_samples_into_another_order():
    order = np.array([3, 0, 4, 1, 2])
    whole = combined_rows([ROWS[0], ROWS[1]])
    assert np.array_equal(combined_rows([ROWS[0][order], ROWS[1][order]]), whole[order])


def test_a_role_that_was_not_fed_has_no_rows():
    assert Inputs((leaf("x", "", ROWS[0]),)).rows("y").shape == (0, 2)


@pytest.mark.parametrize(
    ("traced", "stale"), [("", False), ("aa", False), ("bb", True)], ids=["eager", "same", "older"]
)
def test_a_value_is_stale_where_the_traced_function_holds_another(traced, stale):
    assert HeldValue("lambda: global SCALE", "global", "lambda", "aa", 2.0, traced).stale is stale


def test_a_call_drew_where_a_generator_moved():
    assert GeneratorState("numpy", "aa", "bb").drew
    assert not GeneratorState("numpy", "aa", "aa").drew


def test_parts_of_other_rows_together_are_other_rows_in_sum():
    """Labels that were shuffled against their samples are no reordering of the same rows."""
    order = np.roll(np.arange(len(ROWS[0])), 1)
    one, other = combined_rows([ROWS[0], ROWS[1]]), combined_rows([ROWS[0], ROWS[1][order]])
    assert unordered_digest(one) != unordered_digest(other)
    assert unordered_digest(one) == unordered_digest(one[order])
