"""An expression of a script as a function of labels and predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

#: What a name of a formula stands for when it is computed from other arrays.
PREDICTED, LABELS = "_predicted", "_labels"


@dataclass(frozen=True, eq=False)
class Formula:
    """An expression of the script as a function of labels and predictions.

    ``text`` is as the script has it; ``quantity`` what it measures: "accuracy" (of an error rate,
    what it leaves of 1), "mean_squared_error", "root_mean_squared_error" or "mean_absolute_error".
    """

    text: str
    quantity: str
    value: float
    labels: np.ndarray
    predicted: np.ndarray
    code: Any
    names: Mapping[str, Any]
    #: numbers of the calls that a loop made for the predictions, () where one call made them
    calls: tuple[int, ...] = ()

    def __call__(self, labels: Any, predicted: Any) -> float:
        """What the expression gives from these arrays."""
        return computed(self.code, {**self.names, LABELS: labels, PREDICTED: predicted})


def computed(code: Any, names: Mapping[str, Any]) -> float:
    return float(evaluated(code, names))


def evaluated(code: Any, names: Mapping[str, Any]) -> Any:
    """What an expression gives; one that writes into an array fails instead."""
    space = {name: _unwritable(value) for name, value in names.items()}
    with np.errstate(all="ignore"):
        return eval(code, {"__builtins__": {}, **space})


def _unwritable(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    view = value.view()
    view.flags.writeable = False
    return view
