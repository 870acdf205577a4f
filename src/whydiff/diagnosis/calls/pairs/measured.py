"""Two measuring calls of one model, of one data set or of models built alike."""

from __future__ import annotations

from collections.abc import Container, Iterator

import numpy as np

from whydiff.core.calls import MeasuringCall
from whydiff.core.recording import Execution
from whydiff.diagnosis.calls.inputs import exchanged
from whydiff.diagnosis.calls.pairs.alike import (
    evaluated_in_part,
    mostly_equal,
    same_samples,
    telling,
    trained_between,
    weights_of,
)
from whydiff.diagnosis.calls.pairs.disagreement import (
    BUILT,
    OTHER_INPUT,
    REBUILT,
    REPEATED,
    ROWS_CORRESPOND,
    RUN,
    Disagreement,
)
from whydiff.diagnosis.calls.results import distance


def of_calls(
    execution: Execution,
    a: MeasuringCall,
    b: MeasuringCall,
    metric: str | None,
    in_training: Container[int] = (),
) -> Iterator[Disagreement]:
    """How two calls that measured the same, or may have, differ; nothing of two that did not.

    ``in_training`` are numbers of calls that a loop makes while it trains: what it asks its model
    of other samples (a state and the next one) is another question.
    """
    if "built" in (a.kind, b.kind) and a.kind != b.kind:
        return
    same_model = a.model_number == b.model_number
    if same_model and weights_of(a) != weights_of(b) and trained_between(execution, a, b):
        return  # a model that was trained meanwhile is meant to answer otherwise
    apart = distance(a, b, metric)
    if apart is None or apart.relative == 0:
        return
    if a.kind == "built":
        yield Disagreement(a, b, apart, BUILT)
        return
    if ("evaluate" in (a.kind, b.kind)) and a.kind != b.kind:
        return
    x, y = (call.recipe.inputs.rows("x") for call in (a, b))
    while_training = same_model and a.number in in_training and b.number in in_training
    if while_training and not np.array_equal(x, y):
        return
    same_rows = same_samples(a, b)
    if same_rows:
        alike = a.kind == b.kind
        why = (REPEATED if alike else RUN) if same_model else REBUILT if alike else OTHER_INPUT
        yield Disagreement(a, b, apart, why)
    elif evaluated_in_part(a, b):
        yield Disagreement(a, b, apart, OTHER_INPUT)
    elif a.kind == b.kind or same_model:
        if len(x) != len(y):
            return
        one, other = (c.recipe.inputs.rows("y") for c in (a, b))
        equal_labels = np.array_equal(one, other) and telling(one)
        known = equal_labels or exchanged(a.recipe.inputs, b.recipe.inputs) or mostly_equal(a, b)
        check = "" if known else ROWS_CORRESPOND
        yield Disagreement(a, b, apart, OTHER_INPUT, check)
