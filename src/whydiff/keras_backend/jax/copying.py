"""Copies of a step's state on JAX that nobody has to wait for.

A step takes over the memory of the state it is given, so that state must be read before; but
reading waits for the step that makes it, and an unrecorded training never waits: it prepares a
step while the one before still runs. So a small program of our own copies the state, behind the
step and in front of the next, and the copy is read whenever it is there.

The program lays everything out as digests want it, an array behind the number of its elements, so
that a group of variables is digested in one call; the logged numbers travel along.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from whydiff.core.digests import COUNT_BYTES, Piece, count_bytes, pieces_digest
from whydiff.keras_backend.base import Copied
from whydiff.keras_backend.internals import is_variable

#: Larger states are read at once: copying them takes longer than the waiting.
_BYTES = 4 * 2**20
#: A program that copies more arrays takes long to compile.
_COUNT = 400

#: Where a value is when a step has ended: part of the state (-1: a variable outside it), place.
Source = tuple[int, int]
#: Parts of a buffer: a source or the name of a logged number, with its shape; a count of elements.
Part = tuple[Source | str, tuple[int, ...]] | int


class _OtherKind(Exception):
    """Values are of other types or shapes than those that a layout was made for."""


def copier(
    groups: Sequence[Sequence[Any]], places: Mapping[int, Source], state: Any, logs: Any
) -> Callable[[Any, Any], Copied | None] | None:
    """See ``Backend.copier``. None where a copy does not pay or cannot be."""
    outside: list[Any] = []
    sources: list[list[Source]] = []
    for group in groups:
        sources.append([])
        for variable in group:
            place = places.get(id(variable))
            if place is None:
                place = (-1, len(outside))
                outside.append(variable)
            sources[-1].append(place)

    def values_outside() -> list[Any]:
        return [v.value if is_variable(v) else v for v in outside]

    parts = (*state, values_outside())
    values = [[parts[part][place] for part, place in group] for group in sources]
    every = [value for group in values for value in group]
    if not every or len(every) > _COUNT or not all(_plain(value) for value in every):
        return None
    if sum(value.nbytes for value in every) > _BYTES:
        return None
    if len({device for value in every for device in value.devices()}) > 1:
        return None
    names = tuple(logs) if _are_scalars(logs) else ()
    layout = _Layout(sources, values, {name: logs[name] for name in names})
    program, lengths = _program(layout.contents), list(map(len, state))
    kinds = [type(logs[name]) for name in names]

    def copy(state: Any, logs: Any) -> Copied | None:
        if list(map(len, state)) != lengths:
            return None
        if names and (tuple(logs) != names or list(map(type, logs.values())) != kinds):
            return None
        try:
            joined = program((*state, values_outside()), logs if names else {})
        except _OtherKind:
            return None
        return _Copy(layout, joined, logs)

    # What counts elements must come back as it was given, whatever the device does with floats.
    tried = copy(state, logs)
    return copy if isinstance(tried, _Copy) and tried.is_as_laid_out() else None


class _Layout:
    """Where in which buffer the arrays of each group and the logged numbers are."""

    def __init__(
        self,
        sources: Sequence[Sequence[Source]],
        values: Sequence[Sequence[Any]],
        logs: Mapping[str, Any],
    ) -> None:
        contents: dict[str, list[Part]] = {}
        ends: dict[str, int] = {}
        self.arrays: list[tuple[int, int, int, tuple[int, ...]]] = []  # buffer, elements, shape
        self.counts: list[tuple[int, int, bytes]] = []  # buffer, first byte, what stands there
        self.pieces: list[tuple[Piece, ...]] = []

        def lay(name: str, what: Part, size: int) -> tuple[int, int]:
            contents.setdefault(name, []).append(what)
            begin = ends.get(name, 0)
            ends[name] = begin + size
            return list(contents).index(name), begin

        for group, arrays in zip(sources, values, strict=True):
            pieces: list[Piece] = []
            for source, value in zip(group, arrays, strict=True):
                name, width = value.dtype.name, value.dtype.itemsize
                counted = b""
                if width in (4, 8):
                    buffer, begin = lay(name, value.size, COUNT_BYTES // width)
                    self.counts.append((buffer, begin * width, count_bytes(value.size)))
                else:  # devices compute with narrow types as wide ones: no place for other bits
                    counted = count_bytes(value.size)
                buffer, first = lay(name, (source, value.shape), value.size)
                end = first + value.size
                self.arrays.append((buffer, first, end, value.shape))
                start = first if counted else begin
                pieces.append(Piece(counted, buffer, start * width, end * width))
            self.pieces.append(tuple(_merged(pieces)))
        self.logs = {name: lay(v.dtype.name, (name, ()), 1) for name, v in logs.items()}
        self.contents = tuple((name, tuple(content)) for name, content in contents.items())


def _merged(pieces: Sequence[Piece]) -> list[Piece]:
    """Those that follow one another directly as one."""
    merged: list[Piece] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if last and not piece.before and (last.buffer, last.end) == (piece.buffer, piece.begin):
            merged[-1] = Piece(last.before, last.buffer, last.begin, piece.end)
        else:
            merged.append(piece)
    return merged


@functools.lru_cache(maxsize=64)
def _program(contents: tuple[tuple[str, tuple[Part, ...]], ...]) -> Any:
    """Joins a state into one flat array per type. Joined as they are, this is a copy of memory: as
    words of one type it would be arithmetic and take three times as long."""

    def joined(state: Any, logs: Any) -> list[Any]:
        def part(name: str, what: Part) -> Any:
            if isinstance(what, int):
                return jnp.asarray(np.frombuffer(count_bytes(what), name))
            source, shape = what
            value = logs[source] if isinstance(source, str) else state[source[0]][source[1]]
            # Looked at while this is traced: once for values of a kind, not at every step.
            if (value.dtype.name, value.shape) != (name, shape):
                raise _OtherKind
            return value.ravel()

        return [jnp.concatenate([part(name, w) for w in content]) for name, content in contents]

    return jax.jit(joined)


class _Copy:
    """What a step left, on its way into memory of ours."""

    def __init__(self, layout: _Layout, buffers: Sequence[Any], logs: Any) -> None:
        self._layout, self._buffers, self._logs = layout, buffers, logs

    @functools.cached_property
    def _host(self) -> list[np.ndarray]:
        return [np.asarray(buffer) for buffer in self._buffers]

    def _memory(self) -> list[memoryview]:
        return [array.view(np.uint8).data for array in self._host]

    def digests(self) -> list[int]:
        memory = self._memory()
        return [pieces_digest(pieces, memory) for pieces in self._layout.pieces]

    def arrays(self) -> list[np.ndarray]:
        host = self._host
        return [host[b][begin:end].reshape(shape) for b, begin, end, shape in self._layout.arrays]

    def logs(self) -> Any:
        if not self._layout.logs:
            return self._logs
        return {name: self._host[buffer][at] for name, (buffer, at) in self._layout.logs.items()}

    def is_as_laid_out(self) -> bool:
        memory = self._memory()
        return all(
            memory[buffer][at : at + len(count)] == count
            for buffer, at, count in self._layout.counts
        )


def _are_scalars(logs: Any) -> bool:
    """Whether these are numbers by name, all on the device."""
    return type(logs) is dict and all(
        isinstance(v, jax.Array) and not v.shape and _plain(v) for v in logs.values()
    )


def _plain(value: Any) -> bool:
    """Whether it is an array of a type that NumPy has, too; random keys are of none."""
    return isinstance(value, jax.Array) and isinstance(value.dtype, np.dtype)
