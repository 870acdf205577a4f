"""Batches told by a permutation are those that cutting the rows by it gives."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, strategies as st

from whydiff.recorder.batches import OrderedRows


def rows_of(samples, size, order):
    samples = np.asarray(samples)
    return OrderedRows(order, samples, np.stack([samples, samples], axis=1), size)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=40), st.integers(1, 9), st.randoms())
def test_batches_are_the_rows_in_order(samples, size, random):
    order = SimpleNamespace(shuffles=True, rows=None)
    rows = rows_of(samples, size, order)
    for _ in range(2):
        rows.begin_pass()
        order.rows = np.array(random.sample(range(len(samples)), len(samples)))
        fed = [batch for _ in range(len(samples)) for batch in rows.take(1)]
        assert np.concatenate([b.indices for b in fed]).tolist() == [
            samples[i] for i in order.rows.tolist()
        ]
        assert {len(b.indices) for b in fed[:-1]} <= {size} and len(fed[-1].indices) <= size
        assert all((b.rows[:, 0] == b.indices).all() for b in fed)
        assert rows.take(3) == []


def test_without_a_shuffle_rows_come_one_after_another():
    rows = rows_of(range(5), 2, SimpleNamespace(shuffles=False, rows=None))
    rows.begin_pass()
    assert [b.indices.tolist() for b in rows.take(9)] == [[0, 1], [2, 3], [4]]
    assert not rows.looked_at


def test_an_order_that_nobody_told_is_not_guessed():
    rows = rows_of(range(5), 2, SimpleNamespace(shuffles=True, rows=np.arange(5)))
    rows.begin_pass()
    with pytest.raises(RuntimeError, match="not told"):
        rows.take(1)
