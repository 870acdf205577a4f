"""Printed numbers that no formula of the script's text was found for, told by their value.

A confusion matrix counted in a loop, or a function with more in it than can be followed, often
gives a number that has a name: an accuracy, a recall, an error. Where what is printed names one,
and one standard formula gives that very number from a watched output and an array of the script,
that is what it is. Few rows and few digits make two numbers equal by chance: then nothing is said.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from whydiff.core.calls import MeasuringCall
from whydiff.recorder.measuring.formulas.formula import LABELS, PREDICTED, Formula

#: A random number may equal one of those that are tried with this probability at most.
_CHANCE = 0.01
#: Calls whose outputs are looked at, the latest first; arrays that may be labels; elements of one.
_CALLS, _ARRAYS, _SIZE = 20, 12, 1 << 20
#: A float is printed with its digits; those of a computation in single precision vary.
_SINGLE = 2e-7
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d*\.\d+(?:e[-+]?\d+)?(?![\w]|\.\d)", re.IGNORECASE)

_Measure = Callable[[np.ndarray, np.ndarray], float]


class PrintedNumber(NamedTuple):
    """A number with the text before it, and by how much it may be off."""

    label: str
    value: float
    slack: float


def printed_numbers(given: Sequence[Any]) -> Iterator[PrintedNumber]:
    """The numbers among what ``print`` was given, each with the text before it."""
    label = ""
    for one in given:
        if isinstance(one, str):
            end = 0
            for found in _NUMBER.finditer(one):
                label = one[end : found.start()] or label
                unit = 10.0 ** int(Decimal(found[0]).as_tuple().exponent)
                percent = 100.0 if one[found.end() :].lstrip()[:1] == "%" else 1.0
                value = float(found[0])
                slack = 0.501 * unit + _SINGLE * abs(value)
                yield PrintedNumber(label, value / percent, slack / percent)
                end = found.end()
            label = one[end:] or label
        elif isinstance(one, (float, np.floating)) and math.isfinite(one):
            yield PrintedNumber(label, float(one), _SINGLE * abs(float(one)))


def formulas_by_value(
    numbers: Sequence[PrintedNumber],
    names: Mapping[str, Any],
    outputs: Mapping[int, MeasuringCall],
    known: Sequence[float],
) -> Iterator[Formula]:
    """The numbers that a standard formula gives of a watched output and an array of the script, but
    for those that are ``known``."""
    arrays: list[np.ndarray] | None = None
    for number in numbers:
        quantity = next((q for q, pattern in _SAID if pattern.search(number.label)), None)
        if quantity is None or any(abs(number.value - one) <= number.slack for one in known):
            continue
        if number.value in (0.0, 1.0):
            continue
        arrays = list(_arrays(names)) if arrays is None else arrays
        found = _among(number, quantity, arrays, outputs)
        if found is not None:
            yield found


def _among(
    number: PrintedNumber,
    quantity: str,
    arrays: Sequence[np.ndarray],
    outputs: Mapping[int, MeasuringCall],
) -> Formula | None:
    """The formula of a quantity that gives a number, where that is none by chance."""
    pairs = [(y, p) for p in _latest(outputs) for y in arrays
             if len(y) == len(p) and not np.array_equal(y, p)]  # fmt: skip
    tried = [
        (value, _formula(text, quantity, value, labels, given, measure))
        for labels, predicted in pairs
        for text, given, measure in _measures(quantity, labels, predicted)
        for value in [_given(measure, labels, given)]
        if math.isfinite(value)
    ]
    matching = [formula for value, formula in tried if abs(value - number.value) <= number.slack]
    if not matching:
        return None
    # A part of the rows is one of as many numbers as there are rows.
    coarse = 0.0 if quantity in _ERRORS else 1 / min(len(one.labels) for one in matching)
    scale = max(abs(number.value), 1e-12) if quantity in _ERRORS else 1.0
    values = {round(value, 12) for value, _ in tried}
    by_chance = len(values) * max(2 * number.slack, coarse) / scale
    return matching[0] if by_chance <= _CHANCE else None


def _given(measure: _Measure, labels: np.ndarray, predicted: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        try:
            return float(measure(labels, predicted))
        except (ValueError, TypeError, IndexError):
            return math.nan


def _formula(
    text: str,
    quantity: str,
    value: float,
    labels: np.ndarray,
    predicted: np.ndarray,
    measure: _Measure,
) -> Formula:
    code = compile(f"_measure({LABELS}, {PREDICTED})", "<formula>", "eval")
    return Formula(text, quantity, value, labels, predicted, code, {"_measure": measure})


def _latest(outputs: Mapping[int, MeasuringCall]) -> Iterator[np.ndarray]:
    """Outputs of the latest calls, in one or few columns."""
    latest = [outputs[number] for number in sorted(outputs, reverse=True)[:_CALLS]]
    for values in (output.values for call in latest for output in call.outputs):
        plain = values is not None and values.ndim in (1, 2) and values.dtype.kind == "f"
        if values is not None and plain and 0 < values.size <= _SIZE:
            yield values


def _arrays(names: Mapping[str, Any]) -> Iterator[np.ndarray]:
    """Arrays of the script that may be labels: of numbers, in one or few columns, each once."""
    seen: list[np.ndarray] = []
    for name, value in names.items():
        if name.startswith("_") or not isinstance(value, np.ndarray):
            continue
        fits = value.ndim in (1, 2) and value.dtype.kind in "biuf" and 0 < value.size <= _SIZE
        if fits and not any(
            one.shape == value.shape and np.array_equal(one, value) for one in seen
        ):
            seen.append(value)
            yield value
        if len(seen) == _ARRAYS:
            return


# --- quantities -----------------------------------------------------------------------------------


#: What a text calls a quantity; the first that fits.
_SAID = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("balanced_accuracy", r"balanced"),
        ("accuracy", r"\bacc(uracy)?\b|accuracy"),
        ("precision", r"precision"),
        ("recall", r"recall|sensitivity|\btpr\b"),
        ("specificity", r"specificity|\btnr\b"),
        ("f1", r"\bf1\b|f1[ _-]?score"),
        ("auc", r"\b(roc[ _-]?)?auc\b"),
        ("root_mean_squared_error", r"\brmse\b|root[ _]mean[ _]squared"),
        ("mean_squared_error", r"\bmse\b|mean[ _]squared"),
        ("mean_absolute_percentage_error", r"\bmape\b|percentage[ _]error"),
        ("mean_absolute_error", r"\bmae\b|mean[ _]absolute"),
        ("r2", r"\br2\b|\br\^2\b|r²"),
        ("log_loss", r"log[ _-]?loss|cross[ _-]?entropy|\b(bce|nll)\b"),
    )
)
_ERRORS = frozenset({
    "root_mean_squared_error", "mean_squared_error", "mean_absolute_error",
    "mean_absolute_percentage_error", "log_loss",
})  # fmt: skip


def _measures(
    quantity: str, labels: np.ndarray, predicted: np.ndarray
) -> Iterator[tuple[str, np.ndarray, _Measure]]:
    """The formulas of a quantity that fit these arrays: its text, and what it is given of the
    outputs, which are cut to classes for some."""
    if quantity in _OF_NUMBERS:
        of_numbers = _OF_NUMBERS[quantity]
        if labels.size == predicted.size:
            yield quantity, predicted, lambda y, p: of_numbers(_flat(y), _flat(p))
        return
    if labels.ndim == 2 and labels.shape[1] not in (1, *predicted.shape[1:]):
        return
    if quantity in _OF_PROBABILITIES:
        yield quantity, predicted, _OF_PROBABILITIES[quantity]
        return
    for (how, cut), (average, of_classes) in product(_cuts(predicted), _OF_CLASSES[quantity]):

        def measure(y: np.ndarray, p: np.ndarray, of: _Measure = of_classes) -> float:
            return of(_classes(y), _classes(p))

        yield f"{average}{quantity} of {how}", cut, measure


def _flat(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, np.float64).reshape(-1)


def _classes(array: np.ndarray) -> np.ndarray:
    several = array.ndim == 2 and array.shape[1] > 1
    classes: np.ndarray = array.argmax(1) if several else array.reshape(-1).astype(np.int64)
    return classes


def _cuts(predicted: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    if predicted.ndim == 2 and predicted.shape[1] > 1:
        yield "the largest output", predicted.argmax(1)
        return
    for cut in (0.5, 0.0):
        yield f"outputs cut at {cut:g}", (predicted.reshape(-1) > cut).astype(np.int64)


def _counts(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By class: rows that are right, rows that are of it, rows that are taken for it."""
    classes = np.union1d(y, p)
    right = np.array([np.sum((y == c) & (p == c)) for c in classes], np.float64)
    return right, _of_each(y, classes), _of_each(p, classes)


def _of_each(array: np.ndarray, classes: np.ndarray) -> np.ndarray:
    return np.array([np.sum(array == c) for c in classes], np.float64)


def _parts(name: str, y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Precision, recall or F1 of each class, 0 where it is not defined."""
    right, actual, taken = _counts(y, p)
    below = {"precision": taken, "recall": actual, "f1": (taken + actual) / 2}[name]
    parts: np.ndarray = np.divide(right, below, out=np.zeros_like(right), where=below > 0)
    return parts


def _averages(name: str) -> tuple[tuple[str, _Measure], ...]:
    def weighted(y: np.ndarray, p: np.ndarray) -> float:
        return float(np.average(_parts(name, y, p), weights=_counts(y, p)[1]))

    def positive(y: np.ndarray, p: np.ndarray) -> float:
        return float(_parts(name, y, p)[1]) if {*y.tolist()} == {0, 1} else math.nan

    return (
        ("", positive),
        ("macro ", lambda y, p: float(np.mean(_parts(name, y, p)))),
        ("weighted ", weighted),
    )


def _balanced(y: np.ndarray, p: np.ndarray) -> float:
    right, actual, _ = _counts(y, p)
    return float(np.mean(right[actual > 0] / actual[actual > 0]))


def _specificity(y: np.ndarray, p: np.ndarray) -> float:
    return float(np.mean(p[y == 0] == 0)) if {*y.tolist()} == {0, 1} else math.nan


#: Formulas of classes, by quantity.
_OF_CLASSES: Mapping[str, tuple[tuple[str, _Measure], ...]] = {
    "accuracy": (("", lambda y, p: float(np.mean(y == p))),),
    "balanced_accuracy": (("", _balanced),),
    "specificity": (("", _specificity),),
    **{name: _averages(name) for name in ("precision", "recall", "f1")},
}


def _auc(labels: np.ndarray, predicted: np.ndarray) -> float:
    """The area below the curve of true against false positives: pairs in the right order."""
    y, p = _classes(labels), _flat(predicted)
    if {*y.tolist()} != {0, 1} or len(y) != len(p):
        return math.nan
    _, place, count = np.unique(p, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place.reshape(-1)]
    ones = int(np.sum(y == 1))
    return float((ranks[y == 1].sum() - ones * (ones + 1) / 2) / (ones * (len(y) - ones)))


def _log_loss(labels: np.ndarray, predicted: np.ndarray) -> float:
    p = np.clip(np.asarray(predicted, np.float64), 1e-7, 1 - 1e-7)
    y = _classes(labels)
    if p.ndim == 2 and p.shape[1] > 1:
        return float(-np.mean(np.log(p[np.arange(len(y)), y])))
    p = p.reshape(-1)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))


_OF_PROBABILITIES: Mapping[str, _Measure] = {"auc": _auc, "log_loss": _log_loss}


def _r2(y: np.ndarray, p: np.ndarray) -> float:
    spread = np.sum((y - y.mean()) ** 2)
    return float(1 - np.sum((y - p) ** 2) / spread) if spread else math.nan


#: Formulas of numbers that a model predicts, by quantity.
_OF_NUMBERS: Mapping[str, _Measure] = {
    "mean_squared_error": lambda y, p: float(np.mean((p - y) ** 2)),
    "root_mean_squared_error": lambda y, p: float(np.sqrt(np.mean((p - y) ** 2))),
    "mean_absolute_error": lambda y, p: float(np.mean(np.abs(p - y))),
    "mean_absolute_percentage_error": lambda y, p: float(100 * np.mean(np.abs((p - y) / y))),
    "r2": _r2,
}
