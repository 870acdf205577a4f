"""The arrays of a batch, one by one, and what each is for; sparse and ragged ones taken apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from whydiff.keras_backend.internals import leaves_of

_CONTAINERS = (tuple, list, dict)


def plain(structure: Any) -> bool:
    """Whether a batch is a tuple of NumPy arrays of numbers, as most are: there is nothing in it
    that would have to be looked for, and that is asked a thousand times a second."""
    return type(structure) is tuple and all(
        type(leaf) is np.ndarray and leaf.dtype.kind in "fiub" for leaf in structure
    )


def flatten(structure: Any) -> list[Any]:
    """Leaves of a batch, None included, in Keras's own order."""
    if type(structure) is tuple and not any(isinstance(p, _CONTAINERS) for p in structure):
        return list(structure)  # most batches: (x, y), a thousand times a second
    return leaves_of(structure)


def leaf_roles(structure: Any) -> tuple[str, ...]:
    """Per leaf "x", "y" or "weight", by Keras's (x, y, sample_weight) convention."""
    if not isinstance(structure, (tuple, list)):  # torch's loaders make lists of tuples
        return ("x",) * len(flatten(structure))
    names = ("x", "y", "weight")
    return tuple(names[min(i, 2)] for i, part in enumerate(structure) for _ in flatten(part))


def weighted(structure: Any, weights: int) -> Any:
    """A batch of the structure (x, y) or (x, y, sample_weight), with so many arrays of weights.

    Several of them are nested as y is.
    """
    x, y = (*structure, None)[:2] if isinstance(structure, (tuple, list)) else (structure, None)
    if not weights:
        return (x, y)
    return (x, y, 0 if weights == 1 else y)


#: Key of a mapping that stands for one sparse or ragged tensor: its value is a tuple of arrays.
PARTS = "components of a sparse or ragged tensor"


def has_parts(structure: Any) -> bool:
    """Whether a batch holds a tensor that was taken apart."""
    if isinstance(structure, dict):
        return PARTS in structure or any(map(has_parts, structure.values()))
    return isinstance(structure, (list, tuple)) and any(map(has_parts, structure))


def replaced(structure: Any, make: Callable[[Any], Any]) -> Any:
    """``structure`` with ``make(parts)`` in place of every tensor that was taken apart."""
    if isinstance(structure, dict):
        if PARTS in structure:
            return make(structure[PARTS])
        return {key: replaced(value, make) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        return type(structure)(replaced(part, make) for part in structure)
    return structure


def parts(arrays: Sequence[Any]) -> dict[str, tuple[Any, ...]]:
    """What stands for a tensor made of these arrays."""
    return {PARTS: tuple(arrays)}
