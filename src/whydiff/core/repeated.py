"""Arrays that repeat one element, as an optimizer's slots do before the first step: told by bits,
kept as that element."""

from __future__ import annotations

import numpy as np

#: Smaller arrays are kept as they are: describing them takes as much.
LEAST_BYTES = 4096
_AT_ONCE = 1 << 18  # elements


def compact(array: np.ndarray) -> np.ndarray:
    """The array itself, or where it is large and repeats one element, a read-only view of that
    element in the same shape."""
    if array.nbytes < LEAST_BYTES or not _repeats(array):
        return array
    return np.broadcast_to(array[(0,) * array.ndim].copy(), array.shape)


def is_compact(array: np.ndarray) -> bool:
    """Whether an array of several elements holds only one in memory."""
    return array.size > 1 and not any(
        stride for stride, length in zip(array.strides, array.shape, strict=True) if length > 1
    )


def element(array: np.ndarray) -> np.ndarray:
    """The element that a compact array repeats, of shape (1,)."""
    return np.asarray(array[(0,) * array.ndim]).reshape(1)


def _repeats(array: np.ndarray) -> bool:
    if is_compact(array):
        return True
    if not array.flags.c_contiguous or array.dtype.hasobject:
        return False
    size = array.dtype.itemsize
    bits = f"u{size}" if size in (1, 2, 4, 8) else f"V{size}"
    flat = array.reshape(-1).view(bits)
    first = flat[0]
    return bool(flat[-1] == first) and all(
        bool((flat[begin : begin + _AT_ONCE] == first).all())
        for begin in range(0, flat.size, _AT_ONCE)
    )
