"""What a formula measures, told from what it gives of other arrays."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from whydiff.core.interrupting import pass_on
from whydiff.recorder.measuring.formulas.formula import Formula, as_predicted

#: What a formula measures is told from so many rows.
_TELLING = 1_000
#: Of more classes it is not told how each one's rows are counted.
_MOST_CLASSES = 50


#: What a number of labels and predictions is.
_Measure = Callable[[np.ndarray, np.ndarray], float]

#: A quantity: the part of the rows whose class is wrong.
ERROR_RATE = "error rate"


def quantity_of(
    formula: Formula, tree: ast.expr, functions: Sequence[ast.FunctionDef | ast.For]
) -> str:
    """What a formula measures: an error by what it gives, an accuracy by comparing classes."""
    error = _error_of(formula)
    if error:
        return error
    differs = any(_compares(part, ast.NotEq, "not_equal") for part in (tree, *functions))
    compares = differs or any(_compares(part, ast.Eq, "equal") for part in (tree, *functions))
    names = {getattr(value, "__name__", "") for value in formula.names.values()}
    compares = compares or bool(names & {"equal", "not_equal"})
    counts = _counts_rows if len(set(formula.sizes)) < 2 else _averages_batches
    if not (compares and 0.0 <= formula.value <= 1.0 and counts(formula)):
        return ""
    best = _of_perfect(formula)
    if best is None or not (math.isclose(best, 0.0, abs_tol=1e-9) or math.isclose(best, 1.0)):
        return "" if differs or "not_equal" in names else "accuracy"
    return "accuracy" if best > 0.5 else ERROR_RATE


#: Errors of predictions, of their differences from the labels.
_ERRORS: Mapping[str, _Measure] = {
    "mean_squared_error": lambda labels, predicted: float(np.mean((predicted - labels) ** 2)),
    "root_mean_squared_error": lambda labels, predicted: math.sqrt(
        np.mean((predicted - labels) ** 2)
    ),
    "mean_absolute_error": lambda labels, predicted: float(np.mean(np.abs(predicted - labels))),
    "mean_absolute_percentage_error": lambda labels, predicted: 100 * _relative(labels, predicted),
    "mean_relative_error": lambda labels, predicted: _relative(labels, predicted),
}


def _relative(labels: np.ndarray, predicted: np.ndarray) -> float:
    return float(np.mean(np.abs((predicted - labels) / labels)))


def _error_of(formula: Formula) -> str:
    """The error that a formula gives of random numbers, over all rows or as a mean over batches."""
    if not math.isfinite(formula.value):
        return ""
    for labels, predicted, measures in _probes(formula):
        for shape in dict.fromkeys((labels.shape, formula.labels.shape)):
            try:
                given = formula(labels.reshape(shape), predicted)
            except Exception as reason:
                pass_on(reason)
                continue
            name = _measured(given, measures, labels, predicted, formula.sizes)
            if name:
                return name
    return ""


def _measured(
    given: float,
    measures: Mapping[str, _Measure],
    labels: np.ndarray,
    predicted: np.ndarray,
    sizes: Sequence[int],
) -> str:
    """Which of the measures gives that number of all rows, or as a mean over batches; "" if none
    does."""
    for name, measure in measures.items():
        values = _over_rows_and_batches(measure, labels, predicted, sizes)
        if any(math.isclose(given, value, rel_tol=1e-5) for value in values):
            return name
    return ""


def _over_rows_and_batches(
    measure: _Measure, labels: np.ndarray, predicted: np.ndarray, sizes: Sequence[int]
) -> list[float]:
    """A measure of all rows; and its mean over batches, where there are several."""
    if not sizes:
        return [measure(labels, predicted)]
    ends = np.cumsum(sizes)[:-1]
    batches = zip(np.split(labels, ends), np.split(predicted, ends), strict=True)
    return [measure(labels, predicted), float(np.mean([measure(*batch) for batch in batches]))]


def _probes(formula: Formula) -> Iterator[tuple[np.ndarray, np.ndarray, Mapping[str, _Measure]]]:
    """Random labels and predictions that a formula may take, with what it may measure of them."""
    shape, rng = formula.predicted.shape, np.random.default_rng(0)
    alike = formula.predicted.size == formula.labels.size
    if alike:
        yield rng.normal(size=shape), rng.normal(size=shape), _ERRORS
    parts = rng.uniform(0.05, 0.95, shape)
    if alike:
        yield rng.integers(0, 2, shape).astype(float), parts, {"log_loss": _binary_log_loss}
    if len(shape) < 2 or shape[-1] < 2:
        return
    parts = parts / parts.sum(-1, keepdims=True)
    classes = rng.integers(0, shape[-1], shape[:-1])
    if alike:
        yield np.eye(shape[-1])[classes], parts, {"log_loss": _log_loss}
    elif formula.labels.size == classes.size:
        yield classes, parts, {"log_loss": lambda y, p: _log_loss(np.eye(shape[-1])[y], p)}


def _binary_log_loss(labels: np.ndarray, predicted: np.ndarray) -> float:
    each = labels * np.log(predicted) + (1 - labels) * np.log(1 - predicted)
    return -float(np.mean(each))


def _log_loss(labels: np.ndarray, predicted: np.ndarray) -> float:
    return -float(np.mean(np.sum(labels * np.log(predicted), -1)))


def _averages_batches(formula: Formula) -> bool:
    """Whether a formula is a mean over batches of the parts of their rows that are right, or counts
    the rows of all: what the wrong rows of each class take from it says how they are counted."""
    labels, sizes = formula.labels, np.asarray(formula.sizes)
    if sizes.sum() != len(labels):
        return False
    batch = np.repeat(np.arange(len(sizes)), sizes)
    weights = np.full(len(labels), 1 / len(labels)), 1 / (len(sizes) * sizes[batch])
    flat = labels.argmax(-1) if labels.ndim > 1 and labels.shape[-1] > 1 else labels.reshape(-1)
    classes = np.unique(flat)
    if len(flat) != len(labels) or not 1 < len(classes) <= _MOST_CLASSES:
        return False
    following = dict(zip(classes, np.roll(classes, -1), strict=True))
    wrong = np.array([following[label] for label in flat], labels.dtype)
    try:
        perfect = as_predicted(labels, formula.predicted)
        best = formula(labels, perfect)
        if not any(math.isclose(best, end, abs_tol=1e-9) for end in (0.0, 1.0)):
            return False
        false = as_predicted(_in_form(wrong, labels), formula.predicted)
        taken = []
        for one in classes:
            rows = flat == one
            some = perfect.copy()
            some[rows] = false[rows]
            taken.append(abs(best - formula(labels, some)))
    except Exception as error:
        pass_on(error)
        return False
    parts = ([w[flat == one].sum() for one in classes] for w in weights)
    return any(np.allclose(taken, part, atol=1e-6) for part in parts)


def _in_form(classes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Classes in the form of the labels: as they are, or one of several columns."""
    if labels.size == classes.size:
        return classes.reshape(labels.shape)
    whole: np.ndarray = np.eye(labels.shape[-1], dtype=labels.dtype)[classes.astype(int)]
    return whole


def of_first_rows(formula: Formula) -> Formula:
    """A formula of so many rows as tell what it measures; of all where it takes no fewer, or goes
    through them batch by batch."""
    most = len(formula.predicted) if formula.sizes else _TELLING
    rows = min(most, len(formula.labels), len(formula.predicted))
    labels, predicted = formula.labels[:rows], formula.predicted[:rows]
    try:
        value = formula(labels, predicted)
    except Exception as error:
        pass_on(error)
        return formula
    return replace(formula, labels=labels, predicted=predicted, value=value)


def _compares(node: ast.AST, operator: type[ast.cmpop], name: str) -> bool:
    return any(
        isinstance(part, operator) or (isinstance(part, ast.Attribute) and part.attr == name)
        for part in ast.walk(node)
    )


def _of_perfect(formula: Formula) -> float | None:
    """What a formula gives of outputs that are the labels themselves; None if that is not known."""
    try:
        return formula(formula.labels, as_predicted(formula.labels, formula.predicted))
    except Exception as error:
        pass_on(error)
        return None


def _counts_rows(formula: Formula) -> bool:
    """Whether a formula counts rows, as an accuracy does: what it gives of two parts adds up to
    what it gives of the whole, which a precision, a recall or an F1 does not."""
    labels, predicted, rows = formula.labels, formula.predicted, len(formula.labels)
    if {labels.ndim, predicted.ndim} == {1, 2} and 1 in (labels.shape[-1], predicted.shape[-1]):
        return True  # each row against every other: a mean over pairs
    for cut in (rows // 2, rows // 3):
        try:
            parts = [
                (end - begin, formula(labels[begin:end], predicted[begin:end]))
                for begin, end in ((0, cut), (cut, rows))
            ]
        except Exception as error:
            pass_on(error)
            return False
        mean = sum(count * value for count, value in parts) / rows
        whole = sum(value for _, value in parts)  # divided by a number of rows that it names
        if not any(math.isclose(v, formula.value, abs_tol=1e-3) for v in (mean, whole)):
            return False
    return True
