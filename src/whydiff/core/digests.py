"""Digests of arrays on the CPU: xxhash's XXH3, seed 0, over the bytes of an array in C order.

Bits are digested, not values: -0.0 differs from 0.0 and NaN payloads count. Shape and dtype go
into a tensor's digest, so a reshaped or reinterpreted array differs. The algorithm's id is
stored with every recording; digests of different ids are never compared.
"""

from __future__ import annotations

import functools
import math
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import xxhash

from whydiff.core.errors import WhydiffError

ALGORITHM = "xxh3-1"


#: Rows are joined over their leaves in pieces of about this size, not all at once.
_PIECE_BYTES = 32 * 2**20
#: Types of arrays whose memory xxhash reads without our help.
_PLAIN = frozenset(map(np.dtype, "?bBhHiIlLqQefd"))


def _native(given: np.ndarray | np.generic) -> np.ndarray:
    """``array`` in the machine's byte order: what it holds counts, not how a file stored it."""
    array = np.asarray(given)
    if array.dtype.hasobject:
        raise WhydiffError(
            f"cannot digest an array of dtype {array.dtype}: its bytes are addresses",
            "convert it to numbers or fixed-width strings (astype) before it reaches the model",
        )
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _bytes(array: np.ndarray) -> memoryview:
    contiguous = np.ascontiguousarray(array)
    # ml_dtypes (bfloat16, float8) do not speak the buffer protocol; their bytes do.
    return contiguous.reshape(-1).view(np.uint8).data


def tensor_digest(array: np.ndarray) -> str:
    """128-bit digest of one array with its dtype and shape, as 32 hex digits.

    ``WhydiffError`` for an object array, here and below: pointers are no content.
    """
    array = _native(array)
    state = xxhash.xxh3_128(f"{array.dtype.name}{list(array.shape)}".encode())
    if array.size:
        state.update(_bytes(array))
    return str(state.hexdigest())


def group_digest(arrays: Iterable[np.ndarray | np.generic]) -> int:
    """64-bit digest of several arrays in their order; what a step row keeps per group."""
    state = xxhash.xxh3_64()
    update: Callable[[Any], None] = state.update
    for given in arrays:
        # Called for every variable at every step: plain arrays go the short way, same bytes.
        if type(given) is np.ndarray and given.flags.c_contiguous and given.dtype in _PLAIN:
            update(given.size.to_bytes(COUNT_BYTES, "little"))
            if given.size:
                update(given)
            continue
        array = _native(given)
        update(count_bytes(array.size))
        if array.size:
            update(_bytes(array))
    return int(state.intdigest())


#: How many bytes :func:`group_digest` puts in front of an array: they count its elements.
COUNT_BYTES = 8


def count_bytes(size: int) -> bytes:
    """What stands in front of an array of so many elements in the digest of a group."""
    return size.to_bytes(COUNT_BYTES, "little")


class Piece(NamedTuple):
    """Bytes ``before``, then those from ``begin`` to ``end`` of a buffer, by its number."""

    before: bytes
    buffer: int
    begin: int
    end: int


def pieces_digest(pieces: Sequence[Piece], buffers: Sequence[memoryview]) -> int:
    """The :func:`group_digest` of arrays that lie in ``buffers`` (of bytes), one behind another."""
    if len(pieces) == 1 and not pieces[0].before:  # the usual case, in one call
        _, buffer, begin, end = pieces[0]
        return xxhash.xxh3_64_intdigest(buffers[buffer][begin:end])
    state = xxhash.xxh3_64()
    for before, buffer, begin, end in pieces:
        if before:
            state.update(before)
        state.update(buffers[buffer][begin:end])
    return state.intdigest()


def numbers_digest(values: Sequence[float]) -> int:
    """The :func:`group_digest` of numbers of 64 bits."""
    one = count_bytes(1)
    return xxhash.xxh3_64_intdigest(b"".join(one + struct.pack("=d", value) for value in values))


def row_digests(leaves: Sequence[np.ndarray]) -> np.ndarray:
    """128-bit digest of every row over all leaves, shape (rows, 2), dtype uint64.

    All leaves share their first dimension. Row i digests the bytes of ``leaf[i]`` of every leaf
    in order; the dtypes and row shapes of all leaves go into every digest. ``WhydiffError`` if
    there is no leaf, or they do not share a first dimension.
    """
    return digest_array(row_keys(leaves))


def value_digests(leaf: np.ndarray) -> np.ndarray:
    """128-bit digest of every row's values, shape (rows, 2), dtype uint64.

    Numbers are taken as float32 and rows as flat, so that equal values of another dtype or shape
    have equal digests; other kinds of values are taken as they are.
    """
    array = np.asarray(leaf)
    if array.dtype.kind in "fiub":
        array = array.astype(np.float32)
    return row_digests([array.reshape(len(array), -1)])


def digest_array(keys: Sequence[bytes]) -> np.ndarray:
    """Digests of 16 bytes, big-endian, as an array of shape (n, 2), uint64."""
    return np.frombuffer(b"".join(keys), dtype=">u8").astype(np.uint64).reshape(len(keys), 2)


def row_keys(leaves: Sequence[np.ndarray]) -> list[bytes]:
    """The digests of :func:`row_digests` as 16 bytes each."""
    leaves = [_native(leaf) for leaf in leaves]
    if not leaves or len({leaf.shape[:1] for leaf in leaves}) != 1 or not leaves[0].shape:
        raise WhydiffError(
            f"cannot digest rows of leaves of shapes {[leaf.shape for leaf in leaves]}: "
            "they share no first dimension",
            "give every leaf one entry per sample",
        )
    count = len(leaves[0])
    start, width = _seed_and_width(tuple((leaf.dtype, leaf.shape[1:]) for leaf in leaves))
    digest = xxhash.xxh3_128_digest
    if width == 0:
        return [digest(b"", start)] * count
    step = max(1, _PIECE_BYTES // width)
    keys: list[bytes] = []
    for first in range(0, count, step):
        piece = _joined([leaf[first : first + step] for leaf in leaves])
        keys += [digest(piece[i : i + width], start) for i in range(0, len(piece), width)]
    return keys


@functools.lru_cache(maxsize=64)
def _seed_and_width(kinds: tuple[tuple[np.dtype[Any], tuple[int, ...]], ...]) -> tuple[int, int]:
    """What a row's digest starts from, and how many bytes a row of all leaves has."""
    seed = xxhash.xxh3_64()
    for dtype, shape in kinds:
        seed.update(f"{dtype.name}{list(shape)}".encode())
    width = sum(dtype.itemsize * math.prod(shape) for dtype, shape in kinds)
    return int(seed.intdigest()), width


def _joined(leaves: Sequence[np.ndarray]) -> memoryview:
    """Bytes of row 0 over all leaves, then of row 1, and so on. Copies only where it must."""
    if len(leaves) == 1:
        return _bytes(leaves[0])
    parts = [
        np.frombuffer(_bytes(leaf), np.uint8).reshape(len(leaf), -1) for leaf in leaves if leaf.size
    ]
    return np.concatenate(parts, axis=1).reshape(-1).data


def ordered_digest(rows: np.ndarray) -> str:
    """Digest of row digests in their order: equal if the same samples came in the same order."""
    return str(xxhash.xxh3_128_hexdigest(rows.astype("<u8").tobytes()))


def unordered_digest(rows: np.ndarray) -> str:
    """Order-free digest of row digests: their modular sum, lane by lane."""
    total = rows.astype(np.uint64).sum(axis=0, dtype=np.uint64) if len(rows) else np.zeros(2, "u8")
    return "".join(f"{int(lane):016x}" for lane in total)


def text_digest(text: str) -> str:
    """The digest of a text, 32 hexadecimal digits."""
    return xxhash.xxh3_128_hexdigest(text.encode("utf-8", "backslashreplace"))
