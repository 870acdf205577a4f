"""The safetensors format, as far as NumPy has its types: arrays by name in one file.

Written and read here so that a recorded script needs no more than NumPy and xxhash. A file is the
length of a JSON header (8 bytes, little-endian), the header, and the bytes of the arrays back to
back. Reading checks every claim of the header against what is there before anything is taken.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from json import dumps, loads
from typing import Any

import numpy as np

#: Names of types in the header.
_NAMES = {
    "bool": "BOOL",
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
    **{f"int{bits}": f"I{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"U{bits}" for bits in (8, 16, 32, 64)},
}
_TYPES = {name: np.dtype(dtype).newbyteorder("<") for dtype, name in _NAMES.items()}
#: What the format allows a header to be long.
_MOST_HEADER = 100_000_000
_METADATA = "__metadata__"
#: Arrays begin at multiples of this, so that they can be used where they lie in a mapped file.
_ALIGNED = 64

#: Kinds of arrays that the format knows, by NumPy's names.
NATIVE = frozenset(_NAMES)


def packed(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """A file of arrays whose kinds are all in :data:`NATIVE`."""
    return b"".join(pieces(arrays, metadata))


def pieces(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> list[Any]:
    """The file of :func:`packed` as its header and the memory of each array, not copied."""
    header: dict[str, Any] = {_METADATA: dict(metadata)} if metadata else {}
    parts: list[Any] = []
    position = 0
    # Wide types first, so that every array begins at a multiple of its own width.
    for name, array in sorted(arrays.items(), key=lambda one: (-one[1].dtype.itemsize, one[0])):
        data = array.astype(array.dtype.newbyteorder("<"), copy=False)
        header[name] = {
            "dtype": _NAMES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [position, position + data.nbytes],
        }
        if data.size:
            parts.append(np.ascontiguousarray(data).reshape(-1).view(np.uint8).data)
        position += data.nbytes
    text = dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-(len(text) + 8) % _ALIGNED)
    return [len(text).to_bytes(8, "little") + text, *parts]


def unpacked(data: bytes) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """(arrays, metadata) of a file; the arrays own their memory. ``ValueError`` for anything that
    is no such file."""
    if not isinstance(data, bytes):
        raise ValueError(f"{type(data).__name__} instead of bytes")
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(_MOST_HEADER, len(data) - 8):
        raise ValueError("its header is longer than the file")
    try:
        header = loads(data[8 : 8 + length].decode(), object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("its header is nested too deeply") from None
    if not isinstance(header, dict):
        raise ValueError("its header is no object")
    metadata = header.pop(_METADATA, {})
    if not isinstance(metadata, dict) or any(type(v) is not str for v in metadata.values()):
        raise ValueError("its metadata are not texts")
    places = {name: _place(name, entry) for name, entry in header.items()}
    end = 8 + length
    for begin, stop in sorted((begin, stop) for _, _, begin, stop in places.values()):
        if 8 + length + begin != end:
            raise ValueError("its arrays overlap or leave gaps")
        end = 8 + length + stop
    if end != len(data):
        raise ValueError("its arrays do not fill the file")
    arrays = {}
    bytes_of_arrays = memoryview(data)[8 + length :]
    for name, (dtype, shape, begin, stop) in places.items():
        raw = np.frombuffer(bytes_of_arrays[begin:stop], dtype)
        native = raw.astype(dtype.newbyteorder("="))
        arrays[name] = native.reshape(shape)
    return arrays, metadata


def _place(name: str, entry: Any) -> tuple[np.dtype[Any], tuple[int, ...], int, int]:
    """(type, shape, first byte, byte behind the last) of an array, which fit each other."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{name!r} is described by something else than type, shape and place")
    kind, shape, place = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in _TYPES:
        raise ValueError(f"{name!r} is of type {kind!r}, which NumPy does not have")
    if not _naturals(shape) or not _naturals(place) or len(place) != 2:
        raise ValueError(f"{name!r} has no shape and place")
    dtype = _TYPES[kind]
    begin, stop = place
    if len(shape) > 32 or stop - begin != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{name!r} of shape {shape} does not take {stop - begin} bytes")
    return dtype, tuple(shape), begin, stop


def _naturals(value: Any) -> bool:
    return isinstance(value, list) and all(type(v) is int and v >= 0 for v in value)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("its header names something twice")
    return found
