"""The smallest change there is: one initial weight, one unit in the last place.

How far a training carries it is its amplification. Only against that can the end of two
trainings be said to differ by rounding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from whydiff.core.recipe import Tensor


def nudged(
    values: Sequence[np.ndarray], tensors: Sequence[Tensor], number: int
) -> tuple[list[np.ndarray], float]:
    """``values`` with one entry one ULP further from zero, and the size of that step.

    ``number`` picks the entry: another one for every number, the same for the same number.
    Entries of trainable float tensors that are not zero qualify, each tensor alike; 0.0 where
    there are none.
    """
    candidates = [
        i
        for i, (value, tensor) in enumerate(zip(values, tensors, strict=True))
        if tensor.role == "trainable" and _is_float(value) and _moving(value).any()
    ]
    if not candidates:
        return list(values), 0.0
    rng = np.random.default_rng([20151, number])
    chosen = candidates[int(rng.integers(len(candidates)))]
    value = np.array(values[chosen])
    flat = value.reshape(-1)
    entry = int(rng.choice(np.flatnonzero(_moving(value).reshape(-1))))
    before = float(flat[entry])
    bits = flat.view(f"u{flat.itemsize}")
    bits[entry] += bits.dtype.type(1)  # one further from zero, whatever the sign
    after = float(flat[entry])
    changed = list(values)
    changed[chosen] = value
    return changed, abs(after - before) if math.isfinite(after) else 0.0


def _is_float(value: np.ndarray) -> bool:
    return value.dtype.kind == "f" or value.dtype.name == "bfloat16"


def _moving(value: np.ndarray) -> np.ndarray:
    wide = value.astype(np.float64)
    moving: np.ndarray = np.isfinite(wide) & (wide != 0.0)
    return moving
