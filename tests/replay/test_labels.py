"""How the labels that a score was given differ from evaluate's: by their columns, or as such."""

from __future__ import annotations

import numpy as np
import pytest

from whydiff.core.scoring import ALL_OUTPUTS, COLUMNS_MOVED, LARGEST_OF_BOTH, OTHER_LABELS
from whydiff.replay.calls.scores import _accuracies, _of_labels

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


@pytest.mark.parametrize(
    ("labels", "largest"), [(np.eye(4)[[0, 3, 1, 1, 2]], None), (RARE.astype(float), 0.4)]
)
def test_only_where_a_row_has_several_labels_the_first_of_them_counts(labels, largest):
    outputs = np.array([[0.9, 0.1, 0.1, 0.8], [0.2, 0.1, 0.1, 0.4], [0.3, 0.9, 0.1, 0.1],
                        [0.7, 0.6, 0.1, 0.1], [0.1, 0.9, 0.2, 0.2]])  # fmt: skip
    found = {rule: value() for rule, value in _accuracies(outputs, labels, labels, set())}
    assert found.get(LARGEST_OF_BOTH) == largest and ALL_OUTPUTS in found
