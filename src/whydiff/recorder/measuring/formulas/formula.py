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
    what it leaves of 1), "mean_squared_error", "root_mean_squared_error", "mean_absolute_error",
    "mean_absolute_percentage_error", "mean_relative_error" (a hundredth of it) or "log_loss".
    """

    text: str
    quantity: str
    value: float
    labels: np.ndarray
    predicted: np.ndarray
    code: Any
    names: Mapping[str, Any]
    #: numbers of the calls that a loop made for the predictions, () where one call made them, and
    #: how many rows each of them predicted
    calls: tuple[int, ...] = ()
    sizes: tuple[int, ...] = ()

    def __call__(self, labels: Any, predicted: Any) -> float:
        """What the expression gives from these arrays."""
        return computed(self.code, {**self.names, LABELS: labels, PREDICTED: predicted})

    def over_rows(self, labels: np.ndarray, predicted: np.ndarray) -> float:
        """What a mean over batches of unequal sizes would be if it counted every row alike.

        The mean of one batch is what is left where all others are predicted perfectly.
        """
        perfect = as_predicted(labels, predicted)
        best, ends = self(labels, perfect), np.cumsum(self.sizes)
        total = 0.0
        for size, end in zip(self.sizes, ends, strict=True):
            one = perfect.copy()
            one[end - size : end] = predicted[end - size : end]
            total += size * ((self(labels, one) - best) * len(ends) + best)
        return total / len(labels)


def as_predicted(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Outputs like ``predicted`` that are the labels themselves."""
    if labels.size == predicted.size:
        return labels.reshape(predicted.shape).astype(predicted.dtype)
    each: np.ndarray = np.eye(predicted.shape[-1], dtype=predicted.dtype)[labels.reshape(-1)]
    return each.reshape(predicted.shape)


#: What formulas are computed with besides their own names: methods of arrays import modules of
#: NumPy's by this when they are first called.
BUILT_IN = {"__import__": __import__}


def computed(code: Any, names: Mapping[str, Any]) -> float:
    return float(evaluated(code, names))


def evaluated(code: Any, names: Mapping[str, Any]) -> Any:
    """What an expression gives; one that writes into an array fails instead."""
    space = {name: _unwritable(value) for name, value in names.items()}
    with np.errstate(all="ignore"):
        return eval(code, {"__builtins__": BUILT_IN, **space})


def _unwritable(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    view = value.view()
    view.flags.writeable = False
    return view
