"""What a call ended with, and how far two results are apart."""

import math
from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.calls import Output
from whydiff.core.digests import row_digests
from whydiff.diagnosis.calls.results import (
    Distance,
    distance,
    kind_of,
    number,
    number_of,
    ordered,
    same_result,
)
from whydiff.testing.calls import KERNEL, X, call


def test_numbers_of_a_metric_are_compared_by_the_larger():
    assert number("auc", 0.5, 0.4) == Distance(pytest.approx(0.2), False, "auc", 0.5, 0.4)
    assert number("auc", -0.4, 0.5).relative == pytest.approx(1.8)
    assert number("auc", 0.5, 0.5) == Distance(0.0, True, "auc", 0.5, 0.5)
    assert number("auc", math.nan, math.nan)[:2] == (0.0, True)
    assert number("auc", 0.5, math.nan)[:2] == (1.0, False)
    assert number("loss", math.inf, 1.0)[:2] == (1.0, False)
    assert number("loss", 0.0, -0.0)[:2] == (1.0, False)  # other bits, and no scale


def test_only_steps_of_32_bit_numbers_are_rounding():
    eps = float(np.finfo(np.float32).eps)
    assert number("loss", 1.0, 1.0 - 200 * eps).rounding
    assert not number("loss", 1.0, 1.0 - 300 * eps).rounding


def test_losses_come_last_and_a_metric_that_differs_first():
    assert ordered(["loss", "auc", "out_loss", "acc"]) == ["auc", "acc", "loss", "out_loss"]
    a = call(1, "evaluate", values={"loss": 1.0, "acc": 0.5, "auc": 0.7})
    b = call(2, "evaluate", values={"loss": 2.0, "acc": 0.5, "auc": 0.6})
    assert distance(a, b).metric == "auc"
    assert distance(a, b, "loss") == Distance(0.5, False, "loss", 1.0, 2.0)
    assert distance(a, b, "f1") is None
    same = call(3, "evaluate", values={"acc": 0.5})
    assert distance(a, same) == Distance(0.0, True, "acc", 0.5, 0.5)


def test_outputs_and_built_models_without_metrics():
    a = call(1)
    assert distance(a, call(2)) == Distance(0.0, True, "outputs")
    twice = distance(a, call(2, kernel=2 * KERNEL))
    assert twice.metric == "outputs" and twice.relative == pytest.approx(0.5)
    assert distance(a, call(2, kernel=-KERNEL)).relative == pytest.approx(2.0)  # no more than that
    assert not twice.rounding
    assert distance(a, call(2, x=X[:8])) is None
    built = call(3, "built"), call(4, "built", kernel=2 * KERNEL)
    assert distance(*built) == Distance(1.0, False, "weights")
    assert distance(built[0], call(5, "built")) == Distance(0.0, True, "weights")
    kernel, other = (c.recipe.weights[0] for c in built)
    two = (replace(built[0], recipe=replace(built[0].recipe, weights=(kernel, one)))
           for one in (kernel, other))  # fmt: skip
    assert distance(*two) == Distance(0.5, False, "weights")
    other = call(6, "built", architecture={"activation:dense": "tanh"})
    assert distance(built[0], other) == Distance(1.0, False, "outputs")
    assert not same_result(built[0], other) and same_result(built[0], call(5, "built"))


def test_a_call_has_its_kind_and_number():
    assert (kind_of(call(7, "evaluate")), number_of(call(7, "evaluate"))) == ("evaluate", 7)


def outputs(*arrays, kept=True):
    """A prediction with these outputs."""
    made = tuple(
        Output(str(i), str(a.dtype), a.shape, row_digests([a]), a if kept else None)
        for i, a in enumerate(arrays)
    )
    return replace(call(1), outputs=made)


def test_outputs_that_were_not_kept_are_apart_in_the_rows_whose_digests_differ():
    other = X.copy()
    other[:4] += 1
    assert distance(outputs(X, kept=False), outputs(other, kept=False)) == Distance(
        0.25, False, "outputs"
    )


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_outputs_that_are_no_numbers_have_no_distance_but_rows_that_differ(value):
    broken = np.zeros_like(X)
    broken[0, 0] = value
    for one, other in ((broken, np.zeros_like(X)), (np.zeros_like(X), broken)):
        assert distance(outputs(one), outputs(other)) == Distance(1 / 16, False, "outputs")


def test_rounding_of_outputs_is_relative_to_their_size_and_of_all_of_them():
    large = 1e6 * X
    next_to = np.nextafter(large, np.float32(np.inf))
    assert distance(outputs(large), outputs(next_to)).rounding
    assert not distance(outputs(large, X), outputs(next_to, X + 1)).rounding
    assert not distance(outputs(X, large), outputs(X + 1, next_to)).rounding
