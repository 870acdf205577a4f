"""Sparse and ragged tensors in a batch: taken apart into plain arrays and put together again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

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
