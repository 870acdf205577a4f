"""Whether two metrics measure one quantity, by what their functions and classes are called."""

from __future__ import annotations

import re

from whydiff.core.scoring import TABLES

#: What metrics of one quantity are called; a name belongs to the first that it fits.
_QUANTITIES = (
    # The area below precision against recall is another than that below true against false
    # positives.
    r"average_precision|pr_?auc|auc_?pr|^prc$|precision_recall",
    r"auc",
    r"acc(uracy)?(_score)?$|accuracy",
    r"^(mse|mean_squared_error)$",
    r"^(log_loss|(binary|categorical|sparse_categorical)_crossentropy)$",
    r"^(mae|mean_absolute_error)$",
    r"^(rmse|root_mean_squared_error)$",
    r"^(mape|mean_absolute_percentage_error|mean_relative_error)$",
    r"^(msle|mean_squared_log(arithmic)?_error)$",
    r"precision",
    r"recall",
    r"f1|fbeta",
    r"r2",
)
#: Names of a quantity of its own each, whatever else they contain.
_OTHERS = re.compile(r"balanced|top_k|_at_|per_class")


def same_quantity(function: str, metric: str) -> bool:
    """Whether a metric function and a compiled metric measure one quantity.

    ``function`` is a dotted name ("sklearn.metrics.f1_score"), ``metric`` what Keras calls it in
    its logs ("f1", "head/auc_1"), or its class.
    """
    name = "accuracy" if function in TABLES else function.rpartition(".")[2]
    one, two = _lowered(name), re.sub(r"_\d+$", "", _lowered(metric.rpartition("/")[2]))
    if one == two:
        return True
    if _OTHERS.search(one) or _OTHERS.search(two):
        return False
    known = quantity(one)
    return known is not None and known == quantity(two)


def power_to(function: str, metric: str) -> float | None:
    """The power of a function's number that measures what a metric does: 1 where both measure one
    quantity, 2 for an error whose square the metric is, 0.5 for its root; None for other ones."""
    if same_quantity(function, metric):
        return 1.0
    for one, other, power in (("rmse", "mse", 2.0), ("mse", "rmse", 0.5)):
        if same_quantity(function, one) and same_quantity(other, metric):
            return power
    return None


def quantity(name: str) -> str | None:
    """Which quantity a name tells, None where it tells none."""
    lowered = _lowered(name)
    return next((pattern for pattern in _QUANTITIES if re.search(pattern, lowered)), None)


def _lowered(name: str) -> str:
    lowered = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    return re.sub(r"^(my|own|custom)_", "", lowered)  # a script's own of the same quantity
