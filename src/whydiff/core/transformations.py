"""What was done to an output before a metric function was given it."""

from __future__ import annotations

import math

import numpy as np

_HALF = 0.5


def transformation(values: np.ndarray, array: np.ndarray) -> str | None:
    """What leads from an output to ``array``: "", "ravel", "argmax", "column 1", "round",
    "threshold 0.5", "threshold 0.3 of 0.29 to 0.31" where another one gives these classes as well,
    "times 2.0 plus 1.0", "exp", "argmax as names"; None where nothing known does.
    """
    if array.dtype.kind in "USO" and values.ndim > 1 and array.size == len(values):
        named = renamed(values.argmax(-1).reshape(-1), array.reshape(-1))
        return NAMED if named is not None else None
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
    zeros = values.shape[-1] == 1 and array.dtype.kind in "iu" and not flat.any()
    if zeros and array.dtype == np.intp and values.min() < 0 < values.max():
        return OF_ONE_COLUMN  # a cut of logits would tell some that are positive
    if np.array_equal(flat, np.round(values.reshape(-1))):
        return "round" if np.isin(flat, (0, 1)).all() else f"round {TO_WHOLE}"
    cut = _cut(values.reshape(-1), flat)
    if cut is None and zeros:
        return OF_ONE_COLUMN
    return _scaled(values, array) if cut is None and array.dtype.kind == "f" else cut


#: The name that a script gives to the class of the largest output.
NAMED = "argmax as names"


def renamed(classes: np.ndarray, names: np.ndarray) -> dict[object, object] | None:
    """What each class is called, where it is called one thing throughout and no two alike; None
    otherwise, and where there is one class only."""
    if classes.shape != names.shape or classes.dtype.kind not in "biu":
        return None
    pairs = set(zip(classes.reshape(-1).tolist(), names.reshape(-1).tolist(), strict=True))
    found = dict(pairs)
    alike = len(pairs) == len(found) == len(set(found.values()))
    return found if alike and len(found) > 1 else None


#: How rounding makes no classes of outputs beyond 0 and 1.
TO_WHOLE = "to whole numbers"
#: The position of the largest of one: 0, whatever the output is.
OF_ONE_COLUMN = "argmax of one column"
#: Functions that undo what is done to targets before a training.
_UNDONE = {"exp": np.exp, "expm1": np.expm1}
#: From so many values on a straight line through all of them is no accident.
_FEWEST = 4


def _scaled(values: np.ndarray, array: np.ndarray) -> str | None:
    """The scale and the offset of each column, or the function, that lead to other units."""
    width = values.shape[-1] if values.ndim > 1 else 1
    one, other = (np.asarray(v, np.float64).reshape(-1, width) for v in (values, array))
    spread = one.max(0) - one.min(0)
    if len(one) < _FEWEST or not spread.all() or not np.isfinite(other).all():
        return None
    columns = np.arange(width)
    high, low = one.argmax(0), one.argmin(0)
    scale = (other[high, columns] - other[low, columns]) / spread
    offset = other[low, columns] - scale * one[low, columns]
    near = 1e-4 * np.abs(scale) * spread
    if scale.all() and (np.abs(scale * one + offset - other) <= near).all():
        times, plus = (",".join(map(repr, v.tolist())) for v in (scale, offset))
        return f"times {times} plus {plus}"
    with np.errstate(all="ignore"):
        for name, function in _UNDONE.items():
            if np.allclose(function(one), other, rtol=1e-5, atol=0.0):
                return name
    return None


def in_other_units(done: str) -> bool:
    """Whether a transformation leads to other units, as a scaler's ``inverse_transform`` does."""
    return done.startswith("times ") or done in _UNDONE


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
    return f"threshold {_shortest(most, least)} of {most:.4g} to {least:.4g}"


def _shortest(low: float, high: float) -> str:
    """The decimal with the fewest digits from ``low`` on and below ``high``."""
    for digits in range(1, 9):
        value = math.ceil(low * 10**digits) / 10**digits
        if low <= value < high:
            return f"{value:.{digits}f}"
    return repr((low + high) / 2)


def cut_by(done: str) -> str:
    """The threshold of a transformation in words, "" where it has none; where outputs were rounded
    to other numbers than 0 and 1, that they were."""
    if "round" in done:
        return f"rounded {TO_WHOLE}" if TO_WHOLE in done else "0.5"
    _, has, rest = done.partition("threshold ")
    value, _, between = rest.partition(" of ")
    if not has or not between:
        return value if has else ""
    return f"{value} (any threshold from {between} gives the same classes)"


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
                values = values.reshape(-1) > float(rest.partition(" of ")[0])
            case "times":
                scale, offset = (
                    np.array([float(v) for v in part.split(",")]) for part in rest.split(" plus ")
                )
                values = values * scale + offset
            case _ if name in _UNDONE:
                values = _UNDONE[name](values)
    return values
