"""Copies of a step's state on JAX that nobody has to wait for.

A step takes over the memory of the state it is given, so that state must be read before; but
reading waits for the step that makes it, and an unrecorded training never waits: it prepares a
step while the one before still runs. So a small program of our own copies the state, behind the
step and in front of the next, and the copy is read whenever it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

#: Larger states are read at once: copying them takes longer than the waiting.
_BYTES = 4 * 2**20
#: A program that copies more arrays takes long to compile.
_COUNT = 400
_WORDS = {1: jnp.uint8, 2: jnp.uint16, 4: jnp.uint32, 8: jnp.uint64}

Copy = Callable[[], list[np.ndarray]]


def copier(values: Sequence[Any]) -> Callable[[Sequence[Any]], Copy] | None:
    """A function that copies values like these; None where that does not pay or cannot be.

    What it returns gives the values on the host, in their order, bit for bit.
    """
    held = [place for place, value in enumerate(values) if isinstance(value, keras.Variable)]
    values = [getattr(value, "value", value) for value in values]
    if not values or len(values) > _COUNT or not all(_plain(value) for value in values):
        return None
    if sum(value.nbytes for value in values) > _BYTES:
        return None
    if len({device for value in values for device in value.devices()}) > 1:
        return None
    layout, ends = [], dict.fromkeys(_WORDS, 0)
    for value in values:
        dtype, width = np.dtype(value.dtype), value.dtype.itemsize
        begin = ends[width]
        ends[width] += value.size
        layout.append((width, begin, ends[width], dtype, value.shape))

    def copy(values: Sequence[Any]) -> Copy:
        values = list(values)
        for place in held:
            values[place] = values[place].value
        words = _in_words(values)

        def read() -> list[np.ndarray]:
            host = {width: np.asarray(array) for width, array in words.items()}
            return [
                host[width][begin:end].view(dtype).reshape(shape)
                for width, begin, end, dtype, shape in layout
            ]

        return read

    return copy


def _plain(value: Any) -> bool:
    """Whether the value's bits can be copied as words."""
    dtype = getattr(value, "dtype", None)
    return (
        isinstance(value, jax.Array)
        and isinstance(dtype, np.dtype)
        and dtype.kind != "c"
        and not dtype.name.startswith(("int4", "uint4", "int2", "uint2", "float4"))
    )


@jax.jit
def _in_words(values: list[Any]) -> dict[int, Any]:
    """The bits of all values, one array per width in bytes."""
    by_width: dict[int, list[Any]] = {}
    for value in values:
        width = value.dtype.itemsize
        kind = _WORDS[width]
        # Words, not numbers: whatever NaN an array holds, no bit of it changes on the way.
        bits = (
            value.astype(kind) if value.dtype == bool else jax.lax.bitcast_convert_type(value, kind)
        )
        by_width.setdefault(width, []).append(bits.ravel())
    return {width: jnp.concatenate(parts) for width, parts in by_width.items()}
