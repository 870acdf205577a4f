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
import numpy as np

from whydiff.keras_backend.internals import is_variable

#: Larger states are read at once: copying them takes longer than the waiting.
_BYTES = 4 * 2**20
#: A program that copies more arrays takes long to compile.
_COUNT = 400

Copy = Callable[[], list[np.ndarray]]


def copier(values: Sequence[Any]) -> Callable[[Sequence[Any]], Copy] | None:
    """A function that copies values like these; None where that does not pay or cannot be.

    What it returns gives the values on the host, in their order, bit for bit.
    """
    held = [place for place, value in enumerate(values) if is_variable(value)]
    values = [getattr(value, "value", value) for value in values]
    if not values or len(values) > _COUNT or not all(_plain(value) for value in values):
        return None
    if sum(value.nbytes for value in values) > _BYTES:
        return None
    if len({device for value in values for device in value.devices()}) > 1:
        return None
    layout, ends = [], dict.fromkeys((value.dtype.name for value in values), 0)
    for value in values:
        name = value.dtype.name
        begin = ends[name]
        ends[name] += value.size
        layout.append((name, begin, ends[name], value.shape))

    def copy(values: Sequence[Any]) -> Copy:
        values = list(values)
        for place in held:
            values[place] = values[place].value
        joined = _joined(values)

        def read() -> list[np.ndarray]:
            host = {name: np.asarray(array) for name, array in joined.items()}
            return [host[name][begin:end].reshape(shape) for name, begin, end, shape in layout]

        return read

    return copy


def _plain(value: Any) -> bool:
    """Whether it is an array of a type that NumPy has, too; random keys are of none."""
    return isinstance(value, jax.Array) and isinstance(value.dtype, np.dtype)


@jax.jit
def _joined(values: list[Any]) -> dict[str, Any]:
    """All values, one flat array per type. Joined as they are, this is a copy of memory: as words
    of one type it would be arithmetic and take three times as long."""
    by_type: dict[str, list[Any]] = {}
    for value in values:
        by_type.setdefault(value.dtype.name, []).append(value.ravel())
    return {name: jnp.concatenate(parts) for name, parts in by_type.items()}
