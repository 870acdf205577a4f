"""Distances of weights, and what is asked for at once."""

import math

import numpy as np
import pytest

from whydiff.core.plan import draw_plan
from whydiff.experiments.study.training import _chunks, weight_distances


def test_weights_pair_by_path_whatever_their_order():
    base = {"b": np.array([3.0, 0.0]), "a": np.array([[4.0]])}
    moved = {"a": np.array([[4.0]]), "b": np.array([3.0, 5.0])}
    assert weight_distances(1, {1: base, 4: moved}) == {(1, 4): pytest.approx(1.0)}
    assert weight_distances(4, {4: base, 1: dict(reversed(base.items()))}) == {(1, 4): 0.0}


def test_weights_that_are_missing_or_no_numbers_have_no_distance():
    base = {"a": np.ones(2)}
    lost = weight_distances(1, {1: base, 2: None, 3: {"a": np.array([1.0, np.nan])}})
    assert set(lost) == {(1, 2), (1, 3), (2, 3)} and all(math.isnan(v) for v in lost.values())
    assert math.isnan(weight_distances(1, {1: None, 2: base})[1, 2])


def test_chunks_are_whole_blocks_where_they_fit():
    members = draw_plan(("noise",), ("noise",), {}, 5).members[1:]  # three a block
    assert [len(c) for c in _chunks(members, 7)] == [6, 6, 3]
    assert [len(c) for c in _chunks(members, 1)] == [1] * 15
    assert [m.number for c in _chunks(members, 2) for m in c] == [m.number for m in members]
    assert max(len(c) for c in _chunks(members, 2)) == 2
