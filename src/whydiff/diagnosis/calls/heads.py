"""What a model ends with: the activation of its last layer, and how a class is told of it."""

from __future__ import annotations

import numpy as np

from whydiff.core.calls import MeasuringCall
from whydiff.diagnosis.calls.results import Call
from whydiff.diagnosis.sources.layers import last_activation

#: Heads of one unit of which no cut at 0.5 tells a class.
SOFTMAX_OF_ONE, LOGITS = "softmax of one unit", "logits"


def head_of(call: Call, reads: MeasuringCall) -> str:
    """What the single output of a sample is, "" where a cut at 0.5 tells its class.

    ``call`` is that of which the loss is known, ``reads`` the one that predicted.
    """
    outputs = [output.values for output in reads.outputs if output.values is not None]
    alone = len(outputs) == 1 and outputs[0].ndim > 1 and outputs[0].shape[-1] == 1
    ends = last_activation(reads.recipe.architecture)
    if alone and ends == "softmax" and np.all(outputs[0] == 1):
        return SOFTMAX_OF_ONE
    return LOGITS if call.recipe.objective.get("loss.from_logits") is True else ""
