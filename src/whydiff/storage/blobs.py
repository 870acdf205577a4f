"""Arrays to bytes and back: integer series, sample digests, weight snapshots (safetensors).

The safetensors format is written and read here, as far as NumPy has its types, so that a recorded
script needs no more than NumPy and xxhash. Decoding checks declared against real sizes before
anything is allocated.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Iterator, Mapping
from json import dumps, loads
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.core.repeated import compact, element, is_compact

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


#: Smaller arrays stay where they are.
LEAST_BYTES = 1 << 20


class ArrayFolder:
    """Arrays by their digest, in files of their bytes in C order.

    Without ``adds`` nothing is placed in it that is not there already.
    """

    def __init__(self, folder: Path, adds: bool = True) -> None:
        self._folder, self._adds = folder, adds

    @staticmethod
    def wants(array: np.ndarray) -> bool:
        """Whether an array is worth a file of its own."""
        plain = array.dtype.isnative and not array.dtype.hasobject and not is_compact(array)
        return plain and array.nbytes >= LEAST_BYTES

    def place(self, array: np.ndarray) -> str | None:
        """The digest of an array that is in the folder from now on, None of one that is not worth
        it. OSError on a full disk."""
        if not self.wants(array):
            return None
        if self._adds:
            return self.put(array)
        digest = tensor_digest(array)
        return digest if (self._folder / digest).exists() else None

    def put(self, array: np.ndarray) -> str:
        """The digest of an array that is in the folder from now on. OSError on a full disk."""
        digest = tensor_digest(array)
        path = self._folder / digest
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f"{digest}.{os.getpid()}")
            try:
                unfinished.write_bytes(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
                unfinished.replace(path)
            finally:
                unfinished.unlink(missing_ok=True)
        return digest

    def get(self, digest: str, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        """An array of the folder. What is written into it stays in this process."""
        path = self._folder / Path(digest).name
        return np.memmap(path, dtype, mode="c", shape=shape).view(np.ndarray)

    def kept(self, array: np.ndarray) -> np.ndarray:
        """The same values, in a file instead of memory where that is worth it and there is room."""
        if not self.wants(array):
            return array
        try:
            return self.get(self.put(array), array.dtype, array.shape)
        except OSError:
            return array


def folder_beside(file: Path | str) -> Path:
    """Where the large arrays of a file lie that leaves them to a folder."""
    return Path(file).parent / "arrays"


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
