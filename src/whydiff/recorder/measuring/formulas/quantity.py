"""What a formula measures, told from what it gives of other arrays."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from whydiff.core.interrupting import pass_on
from whydiff.recorder.measuring.formulas.formula import Formula

#: What a formula measures is told from so many rows.
_TELLING = 1_000


#: A quantity: the part of the rows whose class is wrong.
ERROR_RATE = "error rate"


def quantity_of(
    formula: Formula, tree: ast.expr, functions: Sequence[ast.FunctionDef | ast.For]
) -> str:
    """What a formula measures: an error by what it gives, an accuracy by comparing classes."""
    predicted, labels = formula.predicted, formula.labels
    if predicted.size == labels.size and math.isfinite(formula.value):
        rng = np.random.default_rng(0)
        one = rng.normal(size=predicted.shape)
        other = rng.normal(size=predicted.shape)
        error = one - other
        squared = float(np.mean(error**2))
        for name, value in (
            ("mean_squared_error", squared),
            ("root_mean_squared_error", math.sqrt(squared)),
            ("mean_absolute_error", float(np.mean(np.abs(error)))),
        ):
            try:
                given = formula(other, one)
            except Exception as error:
                pass_on(error)
                break
            if math.isclose(given, value, rel_tol=1e-6):
                return name
    differs = any(_compares(part, ast.NotEq, "not_equal") for part in (tree, *functions))
    compares = differs or any(_compares(part, ast.Eq, "equal") for part in (tree, *functions))
    names = {getattr(value, "__name__", "") for value in formula.names.values()}
    compares = compares or bool(names & {"equal", "not_equal"})
    if not (compares and 0.0 <= formula.value <= 1.0 and _counts_rows(formula)):
        return ""
    best = _of_perfect(formula)
    if best is None or not (math.isclose(best, 0.0, abs_tol=1e-9) or math.isclose(best, 1.0)):
        return "" if differs or "not_equal" in names else "accuracy"
    return "accuracy" if best > 0.5 else ERROR_RATE


def of_first_rows(formula: Formula) -> Formula:
    """A formula of so many rows as tell what it measures; of all where it takes no fewer."""
    rows = min(_TELLING, len(formula.labels), len(formula.predicted))
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
    labels, like = formula.labels, formula.predicted
    try:
        if labels.size == like.size:
            return formula(labels, labels.reshape(like.shape).astype(like.dtype))
        return formula(labels, np.eye(like.shape[-1], dtype=like.dtype)[labels.reshape(-1)])
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
