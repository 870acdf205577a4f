"""Digests per row of whatever a model is fed or gives: numbers, strings, ragged and sparse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xxhash

from whydiff.core.digests import digest_array, row_digests, tensor_digest
from whydiff.keras_backend.internals import leaves_with_paths
from whydiff.keras_backend.leaves import PARTS
from whydiff.recorder.samples import as_array

ToNumpy = Callable[[Any], np.ndarray]


@dataclass(frozen=True, eq=False)
class Rows:
    """One array: its name in its structure, digests of its rows, and whether it has rows at all."""

    path: str
    dtype: str
    shape: tuple[int, ...]
    rows: np.ndarray  # (n, 2), uint64
    cut: bool  # False where one digest stands for the whole
    array: np.ndarray


def rows_of_structure(structure: Any, to_numpy: ToNumpy) -> list[Rows]:
    """Every array of a nested structure. Leaves that are None are left out."""
    found = []
    for path, leaf in leaves_with_paths(taken_apart(structure)):
        if leaf is None:
            continue
        array = as_array(leaf, to_numpy)
        names = [str(part) for part in path]
        whole = PARTS in names
        rows, cut = (_whole(array), False) if whole or array.ndim == 0 else (_each(array), True)
        name = "/".join(part for part in names if part != PARTS)
        found.append(Rows(name, _dtype(array), tuple(array.shape), rows, cut, array))
    return found


def taken_apart(structure: Any) -> Any:
    """``structure`` with TensorFlow's ragged and sparse tensors as their components."""
    if isinstance(structure, dict):
        return {key: taken_apart(value) for key, value in structure.items()}
    if type(structure) in (list, tuple):
        return type(structure)(taken_apart(part) for part in structure)
    kind = type(structure).__name__
    if kind == "RaggedTensor":
        return {PARTS: (structure.flat_values, *structure.nested_row_splits)}
    if kind == "SparseTensor":
        return {PARTS: (structure.indices, structure.values, structure.dense_shape)}
    if kind == "BCOO":
        return {PARTS: (structure.data, structure.indices)}
    return structure


def _dtype(array: np.ndarray) -> str:
    return "string" if array.dtype.kind == "S" else array.dtype.name


def _each(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind != "S":
        return row_digests([array])
    # Fixed-width bytes are as wide as the longest of a batch: the width is no content.
    keys = [
        xxhash.xxh3_128_digest(b"".join(len(v).to_bytes(4, "little") + v for v in _flat(row)))
        for row in array
    ]
    return digest_array(keys)


def _flat(row: Any) -> Iterator[bytes]:
    return (bytes(value) for value in np.asarray(row).reshape(-1))


def _whole(array: np.ndarray) -> np.ndarray:
    return digest_array([bytes.fromhex(tensor_digest(array))])
