"""The order that a page shows: one sample has one number, whichever side was fed."""

import numpy as np

from whydiff.diagnosis.evidence import _order
from whydiff.testing.sides import a_side, content, order


def shown(one, two):
    """Numbers of the samples of A and B, by position, of streams fed ``one`` and ``two``."""
    sides = [
        a_side(data_content=content(fed), data_order=order(range(len(fed)), relative=True))
        for fed in (one, two)
    ]
    told = _order(*sides)
    return told["numbered alike"], [part["order"] for part in told["fed"]]


def test_samples_that_both_have_are_numbered_alike():
    alike, (a, b) = shown([5, 2, 8, 7], [9, 7, 5, 0])
    assert alike and a == [0, 1, 2, 3]
    assert b == [4, 3, 0, 5]  # 7 and 5 as in A, what only B has after them


def test_other_samples_are_numbered_by_themselves():
    alike, (a, b) = shown([1, 2, 3], [4, 5, 6])
    assert not alike and a == b == np.arange(3).tolist()
