"""How the labels that a score was given differ from evaluate's: by their columns, or as such."""

from __future__ import annotations

import numpy as np
import pytest

from whydiff.core.scoring import COLUMNS_MOVED, OTHER_LABELS
from whydiff.replay.calls.scores import _of_labels

RARE = np.array([[1, 0, 0, 1], [0, 0, 0, 1], [1, 1, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0]], "float32")
MEASURED = np.random.default_rng(0).normal(size=(5, 2))


@pytest.mark.parametrize(
    ("own", "given", "found"),
    [
        (MEASURED, MEASURED, {}),
        (MEASURED, MEASURED[:, ::-1], {COLUMNS_MOVED: 2}),
        (RARE[:, :3], RARE[:, [2, 1, 0]], {COLUMNS_MOVED: 2}),
        # two columns that are alike, and none of them is taken twice
        (RARE[:, [2, 2, 0]], RARE[:, [2, 0, 2]], {COLUMNS_MOVED: 2}),
        # rows in another order, and columns besides: the labels are the same
        (MEASURED, MEASURED[::-1], {}),
        (MEASURED, MEASURED[::-1, ::-1], {}),
        (MEASURED, MEASURED + np.array([0.0, 1.5]), {OTHER_LABELS: 5}),
        (MEASURED[:, 0], np.append(MEASURED[:4, 0], 9.0), {OTHER_LABELS: 1}),
        (RARE, RARE[:, :3], {}),  # of another shape nothing is told
        (np.array(["a", "b"]), np.array(["b", "c"]), {}),
    ],
)
def test_what_makes_labels_differ(own, given, found):
    assert {rule: value() for rule, value in _of_labels(own, given)} == found
