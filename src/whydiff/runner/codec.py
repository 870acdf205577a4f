"""Messages and arrays on their way between processes of one verb: the only layout there is.

A message is eight bytes with the length of its head, the head (JSON), and the bytes of its arrays
one after the other. Reading executes nothing. It goes through a pipe or a file; large arrays of one
that goes through a file lie beside it, in the folder ``arrays``, where equal ones are one file.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from whydiff.core.feeding import TransferError
from whydiff.core.repeated import element, is_compact
from whydiff.runner.messages import TYPES
from whydiff.storage.blobs import ArrayFolder, folder_beside

_LENGTH = 8
_PLAIN = (str, bool, int, float, type(None))
#: Where an array is: in the message, there as the element that it repeats, or a file's digest.
_HERE, _REPEATED = "here", "repeated"


def write(message: object, sink: BinaryIO, folder: ArrayFolder | None = None) -> None:
    """Write a message: nested dataclasses of ``messages.TYPES``, lists, tuples, mappings, sets,
    plain values and arrays. TransferError for arrays of Python objects, TypeError for the rest.

    Nothing is written unless all of it can be. Large arrays go into ``folder`` if there is one; of
    an array that repeats one element in memory that element goes.
    """
    arrays: list[np.ndarray] = []
    value = _encoded(message, arrays)
    places = [_place(array, folder) for array in arrays]
    shapes = [
        [_name(array.dtype), list(array.shape), place]
        for array, place in zip(arrays, places, strict=True)
    ]
    head = json.dumps({"value": value, "arrays": shapes}).encode()
    sink.write(len(head).to_bytes(_LENGTH, "big") + head)
    for array, place in zip(arrays, places, strict=True):
        if place in (_HERE, _REPEATED):
            sink.write(_bytes_of(element(array) if place == _REPEATED else array))
    sink.flush()


def _place(array: np.ndarray, folder: ArrayFolder | None) -> str:
    if is_compact(array):
        return _REPEATED
    return (folder.place(array) if folder is not None else None) or _HERE


def read(source: BinaryIO, folder: ArrayFolder | None = None) -> Any:
    """The next message. EOFError where there is none, or only a part of one."""
    size = int.from_bytes(_exactly(source, _LENGTH), "big")
    head = json.loads(bytes(_exactly(source, size)))
    arrays = []
    for name, shape, place in head["arrays"]:
        dtype = _dtype(name)
        if place == _REPEATED:
            one = _exactly(source, dtype.itemsize).view(dtype).reshape(())
            arrays.append(np.broadcast_to(one, shape))
        elif place == _HERE:
            count = int(np.prod(shape, dtype=np.int64))
            arrays.append(_exactly(source, count * dtype.itemsize).view(dtype).reshape(shape))
        else:
            assert folder is not None
            arrays.append(folder.get(place, dtype, tuple(shape)))
    return _decoded(head["value"], arrays)


def save(message: object, file: Path | str) -> None:
    """Write a message to a file. OSError where there is no room for it."""
    with Path(file).open("wb") as sink:
        write(message, sink, ArrayFolder(folder_beside(file)))


def load(file: Path | str) -> Any:
    """The message in a file that :func:`save` wrote. Its large arrays are mapped, not copied."""
    with Path(file).open("rb") as source:
        return read(source, ArrayFolder(folder_beside(file)))


def copied(message: Any) -> Any:
    """A message as another process would get it: nothing in it is shared with the sender."""
    buffer = io.BytesIO()
    write(message, buffer)
    buffer.seek(0)
    return read(buffer)


def _encoded(value: object, arrays: list[np.ndarray]) -> Any:
    """JSON for a value. What is neither plain nor a list is an object with one key, its kind."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TransferError("it holds Python objects, which do not leave their process")
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if isinstance(value, list):
        return _each(value, arrays)
    if isinstance(value, tuple):
        return {"tuple": _each(value, arrays)}
    if isinstance(value, frozenset):
        return {"set": _each(sorted(value), arrays)}
    if isinstance(value, Mapping):
        return {"map": [_each(item, arrays) for item in value.items()]}
    if is_dataclass(value) and TYPES.get(type(value).__name__) is type(value):
        parts = {f.name: _encoded(getattr(value, f.name), arrays) for f in fields(value) if f.init}
        return {type(value).__name__: parts}
    raise TypeError(f"a {type(value).__name__} is no part of a message")


def _each(values: Sequence[object], arrays: list[np.ndarray]) -> list[Any]:
    return [_encoded(value, arrays) for value in values]


def _decoded(value: Any, arrays: Sequence[np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_decoded(part, arrays) for part in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "array":
        return arrays[content]
    if kind == "tuple":
        return tuple(_decoded(part, arrays) for part in content)
    if kind == "set":
        return frozenset(_decoded(part, arrays) for part in content)
    if kind == "map":
        return {_decoded(k, arrays): _decoded(v, arrays) for k, v in content}
    return TYPES[kind](**{name: _decoded(part, arrays) for name, part in content.items()})


def _name(dtype: np.dtype[Any]) -> str:
    """A name that gives the same type elsewhere: NumPy's own, or that of ``ml_dtypes``."""
    return dtype.name if dtype.isbuiltin == 2 else dtype.str


def _dtype(name: str) -> np.dtype[Any]:
    try:
        dtype: np.dtype[Any] = np.dtype(name)
    except TypeError:  # bfloat16 and its like
        import ml_dtypes

        dtype = np.dtype(getattr(ml_dtypes, name))
    return dtype


def _bytes_of(array: np.ndarray) -> memoryview | bytes:
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.view(np.uint8).data if flat.size and flat.dtype.itemsize else b""


def _exactly(source: BinaryIO, count: int) -> np.ndarray:
    """So many bytes, writable. EOFError where there are fewer."""
    buffer = np.empty(count, np.uint8)
    view, done = buffer.data, 0
    while done < count:
        got = source.readinto(view[done:])  # type: ignore[attr-defined]  # every binary file has it
        if not got:
            raise EOFError("the other process has ended")
        done += got
    return buffer
