"""How the labels that a score was given differ from evaluate's: by their columns, or as such."""

from __future__ import annotations

import numpy as np
import pytest

from whydiff.core.scoring import (
    ALL_OUTPUTS,
    COLUMNS_MOVED,
    FROM_HALF,
    FROM_ZERO,
    LARGEST_OF_BOTH,
    OTHER_LABELS,
    SAME_SHAPE,
    TOGETHER,
    WHATEVER,
)
from whydiff.replay.calls.scores import _accuracies, _of_cuts, _of_labels, _one_shift

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


CUT_LABELS = np.array([0, 1, 1, 0])
COLUMN = np.array([[0.2], [0.4], [0.9], [-0.3]])
BOTH = f"{SAME_SHAPE}{TOGETHER}"


@pytest.mark.parametrize(
    ("score", "found"),
    [
        # argmax of the one column: whatever it holds, the classes are 0
        (lambda y, p: np.mean(p.argmax(1) == y), {WHATEVER: 0.5, FROM_HALF: 0.75, FROM_ZERO: 0.75}),
        # cut far off: right labels and wrong ones give the same, large outputs do not
        (lambda y, p: np.mean((p[:, 0] > 3) == y), {FROM_HALF: 0.5, FROM_ZERO: 0.5}),
        (lambda y, p: np.mean((p[:, 0] > 0.5) == y), {FROM_HALF: 0.75, FROM_ZERO: 0.75}),
        # each with each: only in one shape the classes are those of the samples
        (lambda y, p: np.mean(p == y), {FROM_HALF: 0.5, BOTH + FROM_HALF: 0.75}),
    ],
)
def test_a_score_of_outputs_that_are_cut(score, found):
    rules = {rule: value() for rule, value in _of_cuts(score, CUT_LABELS, COLUMN, COLUMN)}
    assert {rule: rules[rule] for rule in found} == found
    assert (WHATEVER in rules) == (WHATEVER in found)


def test_one_number_that_is_added_to_every_class():
    assert _one_shift({0: 1, 1: 2, 2: 3}) == 1.0
    for other in ({0: 1, 1: 0}, {0: "cat", 1: "dog"}):
        with pytest.raises(ValueError):
            _one_shift(other)
