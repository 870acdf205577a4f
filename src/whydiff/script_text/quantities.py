"""What a text calls a number: accuracy, loss, an error."""

from __future__ import annotations

import re

#: quantity -> what a text or the name of a metric says of it
_WORDS = {
    "accuracy": r"acc(?![a-z])|accuracy",
    "loss": r"loss",
    "auc": r"auc(?![a-z])",
    "precision": r"precision",
    "recall": r"recall",
    "f1": r"f1|f-?score",
    "mean_absolute_error": r"mae(?![a-z])|absolute.?error",
    "root_mean_squared_error": r"rmse|root.?mean",
    "mean_squared_error": r"(?<![a-z])mse|(?<!root.)mean.?squared.?error",
}


def quantity_in(text: str) -> str:
    """The quantity that a text names last, "" where it names none."""
    found = [
        (match.end(), quantity)
        for quantity, words in _WORDS.items()
        for match in re.finditer(words, text.lower())
    ]
    return max(found, default=(0, ""))[1]


def measures(quantity: str, metric: str) -> bool:
    """Whether the name of a metric says that it measures a quantity."""
    return re.search(_WORDS[quantity], metric.lower()) is not None
