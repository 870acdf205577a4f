"""Printed numbers told by their value where no formula of the text is found."""

import math

import numpy as np
import pytest

from whydiff.recorder.measuring.formulas.by_value import formulas_by_value, printed_numbers
from whydiff.testing.calls import call

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 2, 900)
COLUMN = (RNG.normal(size=(900, 1)) + LABELS[:, None]).astype("float32")
TARGETS = RNG.normal(size=900)
GUESSED = (COLUMN[:, 0] > 0.5).astype(int)
RIGHT = float(np.mean(GUESSED == LABELS))


def found(*printed, labels=LABELS, outputs=COLUMN, known=(), **names):
    numbers = list(printed_numbers(printed))
    calls = {1: call(1, outputs=outputs)}
    return list(formulas_by_value(numbers, {"y": labels, **names}, calls, known))


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (("loss 0.25, acc 91.5%",), [("loss ", 0.25), (", acc ", 0.915)]),
        (("rmse", 0.5), [("rmse", 0.5)]),
        (("v2.1 of 2026, 3 epochs",), []),
        (("mse:", np.float32(0.5), "mae:", 0.25), [("mse:", 0.5), ("mae:", 0.25)]),
        ((float("nan"), 3, None), []),
    ],
)
def test_numbers_with_the_text_before_them(printed, expected):
    assert [(n.label, n.value) for n in printed_numbers(printed)] == expected


@pytest.mark.parametrize(
    ("printed", "labels", "value", "text"),
    [
        ((f"accuracy {RIGHT:.4f}",), LABELS, RIGHT, "accuracy of outputs cut at 0.5"),
        ((f"acc {100 * RIGHT:.2f}%",), LABELS, RIGHT, "accuracy of outputs cut at 0.5"),
        (("RMSE", float(np.sqrt(np.mean((COLUMN[:, 0] - TARGETS) ** 2)))), TARGETS,
         math.sqrt(np.mean((COLUMN[:, 0] - TARGETS) ** 2)), "root_mean_squared_error"),
        (("recall", np.sum(GUESSED & LABELS) / LABELS.sum()), LABELS,
         np.sum(GUESSED & LABELS) / LABELS.sum(), "recall of outputs cut at 0.5"),
    ],
)  # fmt: skip
def test_a_standard_formula_gives_the_very_number(printed, labels, value, text):
    (formula,) = found(*printed, labels=labels)
    assert formula.text == text
    assert formula(formula.labels, formula.predicted) == pytest.approx(value)
    assert formula.value == pytest.approx(value)


@pytest.mark.parametrize(
    ("printed", "more"),
    [
        ((f"{RIGHT:.4f}",), {}),  # nothing says what it is
        ((f"loss {RIGHT:.4f}",), {}),
        ((f"accuracy {RIGHT:.2f}",), {}),  # too few digits
        ((f"accuracy {RIGHT + 0.0005:.4f}",), {}),
        ((f"accuracy {RIGHT:.4f}",), {"known": [RIGHT]}),  # evaluate gave it
        ((f"accuracy {RIGHT:.4f}",), {"labels": LABELS[:-1]}),
        (("accuracy", 1.0), {"labels": GUESSED}),
    ],
)
def test_what_may_be_chance_or_is_known_is_left_alone(printed, more):
    assert not found(*printed, **more)


def test_few_rows_make_equal_parts_by_chance():
    few = {"labels": LABELS[:40], "outputs": COLUMN[:40]}
    value = float(np.mean(GUESSED[:40] == LABELS[:40]))
    assert not found("accuracy", value, **few)
    error = float(np.mean((COLUMN[:40, 0] - TARGETS[:40]) ** 2))
    assert found("mse", error, labels=TARGETS[:40], outputs=COLUMN[:40])


def test_the_area_under_the_curve_counts_ties_half():
    outputs = np.round(COLUMN, 1)
    ones, zeros = outputs[LABELS == 1], outputs[LABELS == 0].T
    value = float(np.mean((ones > zeros) + 0.5 * (ones == zeros)))
    assert found("AUC", value, outputs=outputs)
