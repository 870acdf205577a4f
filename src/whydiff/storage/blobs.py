"""Arrays to bytes and back: integer series, sample digests, weight snapshots (safetensors).

Decoding checks declared against real sizes before anything is allocated.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping
from json import dumps, loads
from typing import Any

import numpy as np

from whydiff.core.repeated import compact, element, is_compact
from whydiff.storage.tensor_file import NATIVE, pieces, unpacked

#: No series of a real epoch comes near this; a larger claim is a bomb.
_MOST_BYTES = 2**31
#: zlib cannot shrink anything further than this.
_MOST_RATIO = 1032
_STORED_AS = "stored as raw bits: "
_REPEATED = "repeated to shape: "
#: A larger array is stored element by element, so that a few bytes never claim more than this.
_MOST_REPEATED = 2**30


def pack_series(values: np.ndarray) -> tuple[str, int, bytes]:
    """(dtype, length, zlib data) of a 1-d integer array, in little-endian int32 if it fits."""
    values = np.asarray(values).reshape(-1)
    if values.size and values.dtype.kind not in "iu":
        raise TypeError(f"a series holds integers, not {values.dtype}")
    narrow = not values.size or (int(values.max()) <= 2**31 - 1 and int(values.min()) >= -(2**31))
    dtype = "<i4" if narrow else "<i8"
    return dtype, values.size, zlib.compress(values.astype(dtype).tobytes(), 1)


def series_bytes(dtype: Any, length: Any, data: Any) -> int:
    """Bytes that a series says it inflates to. ``ValueError`` where that cannot be true."""
    if dtype not in ("<i4", "<i8") or type(length) is not int or not isinstance(data, bytes):
        raise ValueError(f"a series of {dtype!r} and length {length!r} is none of ours")
    size = length * int(dtype[2])
    if not 0 <= size <= min(_MOST_BYTES, len(data) * _MOST_RATIO):
        raise ValueError(f"a series claims {length} values in {len(data)} compressed bytes")
    return size


def unpack_series(dtype: Any, length: Any, data: Any) -> np.ndarray:
    """The inverse of :func:`pack_series`: int64, read-only. ``ValueError`` on a wrong size."""
    size = series_bytes(dtype, length, data)
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(data, size + 1)
    except zlib.error as error:
        raise ValueError(f"a series is damaged: {error}") from None
    if len(raw) != size or not inflater.eof:
        raise ValueError(f"a series claims {length} values and holds others")
    return _frozen(np.frombuffer(raw, dtype).astype(np.int64))


def pack_samples(digests: np.ndarray) -> bytes:
    """Shape (n, 2), uint64 -> n * 16 bytes, big-endian, so that ``hex()`` prints a digest."""
    digests = np.asarray(digests)
    if digests.ndim != 2 or digests.shape[1] != 2:
        raise TypeError(f"sample digests have shape (n, 2), not {digests.shape}")
    return digests.astype(">u8").tobytes()


def unpack_samples(length: Any, data: Any) -> np.ndarray:
    """The inverse of :func:`pack_samples`, read-only. ``ValueError`` on a wrong size."""
    if type(length) is not int or not isinstance(data, bytes) or len(data) != 16 * length:
        raise ValueError(f"{length!r} samples do not fill what is stored for them")
    return _frozen(np.frombuffer(data, ">u8").astype(np.uint64).reshape(length, 2))


def unpack_steps(rows: list[bytes], groups: int) -> np.ndarray:
    """Digest blobs of consecutive steps -> shape (steps, groups), uint64."""
    return np.frombuffer(b"".join(rows), ">u8").astype(np.uint64).reshape(len(rows), groups)


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """A safetensors file. A dtype that safetensors for numpy lacks (bfloat16, float8, complex)
    is stored as its bits, with the real dtype and shape in the file's metadata. Of an array that
    repeats one element that element is stored, and the shape in the metadata."""
    return b"".join(_file_of(arrays))


def array_pieces(array: np.ndarray, most: int) -> Iterator[memoryview]:
    """The safetensors file of one array, named "", in pieces of at most so many bytes."""
    for part in _file_of({"": array}):
        piece = memoryview(part)
        for start in range(0, len(piece), most):
            yield piece[start : start + most]


def storable(array: np.ndarray) -> bool:
    """Whether it is an array of numbers."""
    return not (array.dtype.hasobject or array.dtype.kind in "SUOM" or array.dtype.names)


def _file_of(arrays: Mapping[str, np.ndarray]) -> list[Any]:
    plain: dict[str, np.ndarray] = {}
    metadata: dict[str, str] = {}
    for key, value in arrays.items():
        array = np.asarray(value)
        if not storable(array):
            raise TypeError(f"{key} is an array of {array.dtype}, which is not numbers")
        if array.nbytes <= _MOST_REPEATED and is_compact(repeated := compact(array)):
            metadata[_REPEATED + key] = dumps(list(array.shape))
            array = element(repeated)
        shape = array.shape
        if not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
        array = np.ascontiguousarray(array).reshape(shape)
        if array.dtype.name not in NATIVE:
            metadata[_STORED_AS + key] = dumps([array.dtype.name, list(shape)])
            size = array.dtype.itemsize
            bits = np.dtype(f"u{size}") if size in (1, 2, 4, 8) else np.dtype("u1")
            array = array.reshape(-1).view(bits)
        plain[key] = array
    return pieces(plain, metadata)


def unpack_arrays(data: bytes) -> dict[str, np.ndarray]:
    """The inverse of :func:`pack_arrays`; bits stay bits where ``ml_dtypes`` is missing.

    An array that repeats one element is a read-only view of that element. ``ValueError`` if the
    bytes are not such a file.
    """
    try:
        arrays, metadata = unpacked(data)
        for name, stored in metadata.items():
            if name.startswith(_STORED_AS):
                key = name.removeprefix(_STORED_AS)
                arrays[key] = _typed(arrays[key], *loads(stored))
        for name, stored in metadata.items():
            if name.startswith(_REPEATED):
                key = name.removeprefix(_REPEATED)
                arrays[key] = _repeated(arrays[key], loads(stored))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"kept weights are not a safetensors file of ours: {error}") from None
    return arrays


def _repeated(one: np.ndarray, shape: Any) -> np.ndarray:
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"{shape!r} is no shape")
    if one.size != 1 or len(shape) > 32 or math.prod(shape) * one.itemsize > _MOST_REPEATED:
        raise ValueError(f"{one.size} elements cannot stand for an array of shape {shape}")
    return np.broadcast_to(one.reshape(()), shape)


def _typed(bits: np.ndarray, name: Any, shape: list[int]) -> np.ndarray:
    if not isinstance(name, str):
        raise ValueError(f"{name!r} is not the name of a dtype")
    try:
        dtype = np.dtype(name)
    except TypeError:
        try:
            import ml_dtypes
        except ImportError:
            return bits.reshape(shape)
        dtype = np.dtype(getattr(ml_dtypes, name))
    if dtype.hasobject:
        raise ValueError(f"{name} is not a dtype of numbers")
    return bits.view(dtype).reshape(shape)


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
