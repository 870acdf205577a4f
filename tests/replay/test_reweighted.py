"""Batches with the sample weights of others."""

from __future__ import annotations

import numpy as np
import pytest

from whydiff.core.feeding import TransferError
from whydiff.replay.calls.hybrids import reweighted

X = np.arange(6.0).reshape(6, 1)
BATCHES = [(X[:4], X[:4]), (X[4:], X[4:])]
ONE, OTHER = np.arange(6.0), np.ones(6)


def test_weights_are_cut_as_the_batches_are():
    weights = [batch[2].tolist() for batch in reweighted(BATCHES, [(X, X, ONE)])]
    assert weights == [[0, 1, 2, 3], [4, 5]]


def test_each_output_keeps_its_own_weights():
    for structure in ([ONE, OTHER], {"a": ONE, "b": OTHER}):
        found = reweighted(BATCHES, [(X, [X, X], structure)])
        parts = [batch[2] for batch in found]
        assert all(type(part) is type(structure) for part in parts)
        both = [list(part.values()) if isinstance(part, dict) else part for part in parts]
        assert [[w.tolist() for w in part] for part in both] == [
            [[0, 1, 2, 3], [1, 1, 1, 1]], [[4, 5], [1, 1]]
        ]  # fmt: skip


def test_no_weights_and_too_few():
    assert [len(batch) for batch in reweighted([(X, X, ONE)], BATCHES)] == [2]
    with pytest.raises(TransferError):
        reweighted(BATCHES, [(X[:5], X[:5], ONE[:5])])
