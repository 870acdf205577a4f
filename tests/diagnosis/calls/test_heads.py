"""What a model ends with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.calls import Output
from whydiff.core.digests import row_digests
from whydiff.diagnosis.calls.heads import LOGITS, SOFTMAX_OF_ONE, head_of
from whydiff.testing.calls import call


def ending(values, layer="Dense", **settings):
    facts = {f"layer:out:{name}": value for name, value in settings.items()}
    made = call(1, architecture={"layers": ["in: Dense", f"out: {layer}"], **facts})
    array = np.asarray(values, "float32")
    output = Output("", "float32", array.shape, row_digests([array]), array)
    return replace(made, outputs=(output,))


@pytest.mark.parametrize(
    ("values", "activation", "logits", "head"),
    [
        ([[1], [1]], "softmax", None, SOFTMAX_OF_ONE),
        ([[0.4, 0.6]], "softmax", None, ""),
        ([[1], [1]], "sigmoid", None, ""),
        ([[1], [0]], "linear", True, LOGITS),
        ([[1], [0]], "linear", False, ""),
    ],
)
def test_what_a_single_output_is(values, activation, logits, head):
    evaluate = call(2, "evaluate", objective={"loss.from_logits": logits})
    assert head_of(evaluate, ending(values, activation=activation)) == head
