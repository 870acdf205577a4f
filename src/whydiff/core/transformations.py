"""What was done to an output before a metric function was given it."""

from __future__ import annotations

import numpy as np

_HALF = 0.5


def transformation(values: np.ndarray, array: np.ndarray) -> str | None:
    """What leads from an output to ``array``: "", "ravel", "argmax", "column 1", "round",
    "threshold 0.5"; None where nothing known does."""
    if array.dtype.kind not in "biuf" or values.dtype.kind not in "biuf" or not values.size:
        return None
    if array.shape == values.shape and np.array_equal(array, values):
        return ""
    flat = array.reshape(-1)
    if flat.size == values.size and np.array_equal(flat, values.reshape(-1)):
        return "ravel"
    if values.ndim > 1 and values.shape[-1] > 1 and flat.size == values.size // values.shape[-1]:
        if np.array_equal(flat, values.argmax(-1).reshape(-1)):
            return "argmax"
        columns = values.reshape(-1, values.shape[-1]).T
        for column, part in enumerate(columns):
            if np.array_equal(flat, part):
                return f"column {column}"
        if len(columns) == 2:  # a cut through the probability of the second class
            cut = _cut(columns[1], flat)
            return None if cut is None else f"column 1 then {cut}"
    if flat.size != values.size:
        return None
    if np.array_equal(flat, np.round(values.reshape(-1))):
        return "round"
    return _cut(values.reshape(-1), flat)


def _cut(values: np.ndarray, classes: np.ndarray) -> str | None:
    """The threshold that makes 0 and 1 of ``values``, if one does."""
    if not np.isin(classes, (0, 1)).all():
        return None
    ones = classes.astype(bool)
    most = float(values[~ones].max()) if not ones.all() else -np.inf
    least = float(values[ones].min()) if ones.any() else np.inf
    if most > least or (most == least):
        return None
    if most <= _HALF <= least:
        return "threshold 0.5"
    if most <= 0.0 <= least:
        return "threshold 0"
    if not np.isfinite(most) or not np.isfinite(least):
        return None  # all of one class says nothing
    return f"threshold {(most + least) / 2:.4g}"


def transformed(values: np.ndarray, done: str) -> np.ndarray:
    """An output after a transformation that :func:`transformation` names.

    >>> transformed(np.array([[0.2, 0.8], [0.7, 0.3]]), "column 1 then threshold 0.5").tolist()
    [True, False]
    """
    for step in filter(None, done.split(" then ")):
        name, _, rest = step.partition(" ")
        match name:
            case "ravel":
                values = values.reshape(-1)
            case "argmax":
                values = values.argmax(-1).reshape(-1)
            case "column":
                values = values.reshape(-1, values.shape[-1])[:, int(rest)]
            case "round":
                values = np.round(values.reshape(-1))
            case "threshold":
                values = values.reshape(-1) > float(rest)
    return values
