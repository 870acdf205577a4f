"""Which functions and methods only compute, and what those of tensors are in NumPy."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np

BUILTINS = frozenset({
    "sum", "len", "abs", "round", "float", "int", "bool", "max", "min", "zip", "enumerate",
    "range", "sorted", "list", "tuple", "pow",
})  # fmt: skip


#: Functions of NumPy and ``math`` without any effect but their result.
FUNCTIONS = frozenset({
    "mean", "average", "sum", "nanmean", "sqrt", "square", "abs", "absolute", "fabs", "power",
    "argmax", "argmin", "round", "around", "rint", "where", "equal", "not_equal", "greater",
    "greater_equal", "less", "less_equal", "squeeze", "ravel", "reshape", "asarray", "array",
    "concatenate", "hstack", "vstack", "stack", "clip", "maximum", "minimum", "log", "log2",
    "log10", "log1p", "exp", "expm1", "count_nonzero", "std", "var", "median", "prod", "dot",
    "diff", "sign", "floor", "ceil", "expand_dims", "all", "any", "max", "min", "amax",
    "amin", "subtract", "add", "multiply", "divide", "true_divide", "isclose", "logical_and",
    "logical_or", "logical_not", "norm", "float32", "float64", "int32", "int64", "corrcoef",
    "nan_to_num", "transpose", "size", "arange", "nansum",
})  # fmt: skip
METHODS = frozenset({
    "mean", "sum", "argmax", "argmin", "round", "astype", "flatten", "ravel", "reshape",
    "squeeze", "item", "any", "all", "max", "min", "std", "var", "tolist", "copy",
    "transpose", "clip", "prod", "dot",
})  # fmt: skip
PREDICTING = frozenset({"predict", "predict_on_batch", "__call__"})
#: Methods by which tensors become other forms of the same numbers.
CONVERTING = frozenset({
    "numpy", "detach", "cpu", "float", "double", "long", "int", "bool", "to", "type", "byte",
})  # fmt: skip


def largest(array: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest value; along an axis with its position, as torch gives it."""
    most = np.max(array, axis=axis, keepdims=keepdims)
    return most if axis is None else (most, np.argmax(array, axis=axis, keepdims=keepdims))


#: What functions and methods of tensors do, in NumPy.
OF_TENSORS: dict[str, Callable[..., Any]] = {
    "reduce_mean": np.mean, "reduce_sum": np.sum, "eq": np.equal, "ne": np.not_equal,
    "gt": np.greater, "ge": np.greater_equal, "lt": np.less, "le": np.less_equal,
    "cast": lambda array, dtype=None: array,
    "sigmoid": lambda array: 1 / (1 + np.exp(-np.asarray(array))),
    "size": lambda array, axis=None: np.shape(array) if axis is None else np.shape(array)[axis],
    "view": lambda array, *shape: np.reshape(array, shape if len(shape) > 1 else shape[0]),
    **{name: getattr(np, name) for name in (
        "mean", "sum", "argmax", "argmin", "equal", "not_equal", "greater", "greater_equal",
        "less", "less_equal", "round", "abs", "square", "sqrt", "squeeze", "reshape", "where",
        "count_nonzero", "log", "exp", "maximum", "minimum",
    )},
}  # fmt: skip
LIBRARIES = frozenset({"torch", "tensorflow", "keras", "jax"})


def harmless(function: Any) -> bool:
    name = getattr(function, "__name__", "")
    if isinstance(function, (np.ufunc, type)):
        return name in FUNCTIONS
    module = str(getattr(function, "__module__", ""))
    return name in FUNCTIONS and module.partition(".")[0] in ("numpy", "math")


def writes(node: ast.Call, function: Any) -> bool:
    """Whether a call may write into an array that it is given."""
    named = any(keyword.arg in ("out", "copy", None) for keyword in node.keywords)
    return named or (isinstance(function, np.ufunc) and len(node.args) > function.nin)
