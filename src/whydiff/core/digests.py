"""Digests of arrays on the CPU: xxhash's XXH3, seed 0, over the bytes as they lie in memory.

Bits are digested, not values: -0.0 differs from 0.0 and NaN payloads count. Shape and dtype go
into a tensor's digest, so a reshaped or reinterpreted array differs. The algorithm's id is
stored with every recording; digests of different ids are never compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import xxhash

ALGORITHM = "xxh3-1"


def _bytes(array: np.ndarray) -> memoryview:
    contiguous = np.ascontiguousarray(array)
    # ml_dtypes (bfloat16, float8) do not speak the buffer protocol; their bytes do.
    return memoryview(contiguous.reshape(-1).view(np.uint8))


def tensor_digest(array: np.ndarray) -> str:
    """128-bit digest of one array with its dtype and shape, as 32 hex digits."""
    array = np.asarray(array)
    state = xxhash.xxh3_128(f"{array.dtype.name}{list(array.shape)}".encode())
    if array.size:
        state.update(_bytes(array))
    return str(state.hexdigest())


def group_digest(arrays: Iterable[np.ndarray]) -> int:
    """64-bit digest of several arrays in their order; what a step row keeps per group."""
    state = xxhash.xxh3_64()
    for array in arrays:
        array = np.asarray(array)
        state.update(array.size.to_bytes(8, "little"))
        if array.size:
            state.update(_bytes(array))
    return int(state.intdigest())


def row_digests(leaves: Sequence[np.ndarray]) -> np.ndarray:
    """128-bit digest of every row over all leaves, shape (rows, 2), dtype uint64.

    All leaves share their first dimension. Row i digests the bytes of ``leaf[i]`` of every leaf
    in order; dtype and row shape count through the leaf's row size and dtype name.
    """
    rows = len(leaves[0])
    if rows == 0:
        return np.empty((0, 2), np.uint64)
    parts, seed = [], xxhash.xxh3_64()
    for leaf in leaves:
        leaf = np.ascontiguousarray(leaf)
        seed.update(f"{leaf.dtype.name}{list(leaf.shape[1:])}".encode())
        parts.append(leaf.reshape(rows, -1).view(np.uint8).reshape(rows, -1))
    joined = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
    width, start = joined.shape[1], int(seed.intdigest())
    view = memoryview(np.ascontiguousarray(joined).reshape(-1))
    one = xxhash.xxh3_128_digest
    out = b"".join(one(view[i * width : (i + 1) * width], start) for i in range(rows))
    return np.frombuffer(out, dtype=">u8").astype(np.uint64).reshape(rows, 2)


def ordered_digest(rows: np.ndarray) -> str:
    """Digest of row digests in their order: equal if the same samples came in the same order."""
    return str(xxhash.xxh3_128_hexdigest(np.ascontiguousarray(rows).tobytes()))


def unordered_digest(rows: np.ndarray) -> str:
    """Order-free digest of row digests: their modular sum, lane by lane."""
    total = rows.astype(np.uint64).sum(axis=0, dtype=np.uint64) if len(rows) else np.zeros(2, "u8")
    return "".join(f"{int(lane):016x}" for lane in total)
