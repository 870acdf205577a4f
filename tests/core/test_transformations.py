"""What leads from a prediction to what a metric was given."""

import numpy as np
import pytest

from whydiff.core.transformations import (
    NAMED,
    OF_ONE_COLUMN,
    in_other_units,
    renamed,
    transformation,
    transformed,
)

PROBABILITIES = np.random.default_rng(0).uniform(size=(40, 1)).astype("float32")
LOGITS = np.linspace(-3, 0.4, 40, dtype="float32")[:, None]
CLASSES = np.random.default_rng(1).normal(size=(40, 3)).astype("float32")


@pytest.mark.parametrize(
    ("values", "array", "expected"),
    [
        (PROBABILITIES, PROBABILITIES.copy(), ""),
        (PROBABILITIES, PROBABILITIES.ravel(), "ravel"),
        (PROBABILITIES, PROBABILITIES.astype("float64")[:, 0], "ravel"),
        (PROBABILITIES, np.round(PROBABILITIES).astype(int), "round"),
        (LOGITS, np.round(LOGITS).ravel(), "round to whole numbers"),
        (PROBABILITIES, PROBABILITIES[:, 0] > 0.7, "threshold"),
        (CLASSES, CLASSES.argmax(1), "argmax"),
        (CLASSES, CLASSES[:, 2], "column 2"),
        (CLASSES[:, :2], CLASSES[:, 1] > 0.2, "column 1 then threshold"),
        (np.array([[-2.0], [3.0]]), np.array([0, 1]), "threshold 0.5"),
        (np.array([[-2.0], [0.3]]), np.array([0, 1]), "threshold 0"),
        (PROBABILITIES + 1, np.zeros(40, int), OF_ONE_COLUMN),
        # Logits below 0.5, some of them positive: a cut at 0 would give other classes. One at 0.5
        # gives booleans, and all logits below 0 are of one class by any cut.
        (LOGITS, np.zeros(40, int), OF_ONE_COLUMN),
        (LOGITS, np.zeros(40, bool), "threshold 0.5"),
        (LOGITS - 1, np.zeros(40, "int32"), "threshold 0.5"),
    ],
)
def test_known_transformations_are_recognised(values, array, expected):
    found = transformation(values, array)
    assert found is not None
    assert found.startswith(expected) if "threshold" in expected else found == expected
    assert np.array_equal(transformed(values, found).reshape(-1), array.reshape(-1))


@pytest.mark.parametrize(
    "array",
    [
        CLASSES.argmax(1)[::-1],
        CLASSES.argmax(1)[:-1],
        CLASSES + 1e-3 * CLASSES[::-1],
        np.array(["a"] * 40),
        np.zeros(40),
        (np.arange(40) % 2),
    ],
    ids=["reversed", "shorter", "moved", "texts", "constant", "other classes"],
)
def test_other_arrays_are_not(array):
    assert transformation(CLASSES, array) is None


@pytest.mark.parametrize(
    ("values", "array", "name"),
    [
        (PROBABILITIES, PROBABILITIES.astype("float64") * 20 + 50, "times"),
        (PROBABILITIES, (PROBABILITIES * 20 + 50).ravel(), "times"),
        (CLASSES, CLASSES * [1.0, 20.0, 300.0] + [0.0, 5.0, 70.0], "times"),
        (PROBABILITIES, np.expm1(PROBABILITIES), "expm1"),
    ],
)
def test_predictions_that_were_scaled_back(values, array, name):
    found = transformation(values, array)
    assert found is not None and found.partition(" ")[0] == name and in_other_units(found)
    there = transformed(values, found).reshape(array.shape)
    assert np.allclose(there, array, rtol=1e-4, atol=1e-4)


def test_classes_by_other_numbers_or_names():
    classes = CLASSES.argmax(1)
    names = np.array(["cat", "dog", "bird"])[classes]
    assert transformation(CLASSES, names) == NAMED
    assert renamed(classes, names) == {0: "cat", 1: "dog", 2: "bird"}
    assert renamed(classes, (classes + 1) % 3) == {0: 1, 1: 2, 2: 0}
    assert renamed(classes, classes[::-1].copy()) is None  # rows moved, not classes
    assert renamed(classes, np.minimum(classes, 1)) is None  # two that are called alike
    assert transformation(CLASSES, names[::-1].copy()) is None


def test_few_or_equal_values_say_nothing_of_units():
    assert transformation(PROBABILITIES[:3], PROBABILITIES[:3] * 2.0) is None
    assert transformation(np.full((9, 1), 0.7), np.full((9, 1), 0.9)) is None
    assert not in_other_units("threshold 0.5")


def test_a_threshold_that_separates_nothing_is_none():
    assert transformation(PROBABILITIES, np.arange(40) % 2) is None
