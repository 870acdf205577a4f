"""Which samples were fed: row digests, canonical indices, the samples to feed again."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from whydiff.core.digests import (
    digest_array,
    row_digests,
    row_keys,
    tensor_digest,
    value_digests,
)
from whydiff.core.live import Samples
from whydiff.core.recipe import Content
from whydiff.keras_backend.code import is_scripts
from whydiff.keras_backend.internals import array_adapter, arrays_of, in_row_order
from whydiff.keras_backend.leaves import flatten, has_parts, leaf_roles, plain

#: Samples whose arrays are told apart one by one; the others are known as a whole.
DESCRIBED = 1 << 16


def as_array(leaf: Any, to_numpy: Callable[[Any], np.ndarray]) -> np.ndarray:
    """A leaf on the host. Strings become fixed-width bytes, so that equal strings digest equal."""
    array = to_numpy(leaf)
    if array.dtype.kind in "OU":
        array = np.asarray([str(v).encode() if not isinstance(v, bytes) else v for v in array.flat])
        array = array.astype("S").reshape(np.shape(leaf))
    return array


class SampleBook:
    """Gives every distinct sample an index; remembers digests, and the samples while they fit."""

    def __init__(self, to_numpy: Any, keep_bytes: int) -> None:
        self._to_numpy = to_numpy
        self._keep_bytes = keep_bytes
        self._index: dict[bytes, int] = {}
        self._rows: list[np.ndarray] = []  # digests of (x, y), in canonical order
        self._weight_rows: list[np.ndarray] = []
        self._leaf_rows: list[list[np.ndarray]] = []  # of the first samples, per leaf of x and y
        self._chunks: list[list[np.ndarray | None]] = []
        self._bytes = 0
        self._dense: list[Any] | None = None
        self._count = 0
        self.structure: Any = None
        self.roles: tuple[str, ...] = ()
        self.unit = "sample"
        self.relative = True
        self.too_large = False
        self.signature: tuple[str, ...] = ()

    def register(self, numpy_batches: Any) -> tuple[np.ndarray, np.ndarray]:
        """Index an array's rows in their own order, before any of them is fed.

        Returns the index of each row's sample, int64 of shape (rows,): equal rows are one sample;
        and the rows' digests with weights, (rows, 2).
        """
        found = [self.add([self.leaves(batch)])[0] for batch in numpy_batches]
        self.relative = False
        if not found:
            return np.empty(0, np.int64), np.empty((0, 2), np.uint64)
        indices, digests = zip(*found, strict=True)
        return np.concatenate(indices), np.concatenate(digests)

    def leaves(self, structure: Any) -> list[Any]:
        """The arrays of one batch on the host, None where it has none."""
        if self.structure is not None and plain(structure):
            return list(structure)
        leaves = flatten(structure)
        if has_parts(structure) and self.unit != "batch":
            # Parts of a sparse or ragged tensor are not cut into samples: batches are kept whole.
            self.__init__(self._to_numpy, self._keep_bytes)  # type: ignore[misc]
            self.unit = "batch"
        if self.structure is None:
            self.structure, self.roles = structure, leaf_roles(structure)
            self._has_weights = any(
                r == "weight" and leaf is not None
                for r, leaf in zip(self.roles, leaves, strict=True)
            )
        arrays = [None if leaf is None else as_array(leaf, self._to_numpy) for leaf in leaves]
        if self._count == 0 and not self.signature:
            self._set_unit_and_signature(arrays)
        return arrays

    def add(self, batches: Sequence[list[Any]]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of each batch the indices of its samples, and their digests with weights, (n, 2)."""
        if self.unit == "batch":
            return [self._add_whole(arrays) for arrays in batches]
        found = []
        for _, like in itertools.groupby(batches, _kinds):
            alike = list(like)
            columns = zip(*alike, strict=True)
            arrays = [c[0] if len(c) == 1 or c[0] is None else np.concatenate(c) for c in columns]
            indices, keyed = self._add_samples(arrays)
            end = 0
            for batch in alike:
                begin, end = end, end + _count(batch)
                found.append((indices[begin:end], keyed[begin:end]))
        return found

    def _add_samples(self, arrays: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
        present = [a for a in arrays if a is not None]
        known = self._index
        keys = row_keys(present)
        keyed = digest_array(keys)
        found = [known.get(key) for key in keys]
        if None in found:
            fresh: list[int] = []
            for i, key in enumerate(keys):
                if key not in known:
                    known[key] = self._count
                    self._count += 1
                    fresh.append(i)
            found = [known[key] for key in keys]
            self._remember(arrays, present, keyed, np.asarray(fresh))
        return np.array(found, np.int64), keyed

    def _set_unit_and_signature(self, arrays: Sequence[Any]) -> None:
        rows = {a.shape[0] if a.ndim else -1 for a in arrays if a is not None}
        cut = len(rows) == 1 and -1 not in rows and self.unit == "sample"
        self.unit = "sample" if cut else "batch"
        self.signature = tuple(
            f"{role}: none" if a is None else f"{role}: {a.dtype.name} {tuple(a.shape[1:])}"
            for role, a in zip(self.roles, arrays, strict=True)
            if role != "weight"
        )

    def _remember(
        self, arrays: Sequence[Any], present: Sequence[Any], keyed: np.ndarray, fresh: np.ndarray
    ) -> None:
        if self._has_weights:
            named = [
                (r, a[fresh]) for r, a in zip(self.roles, arrays, strict=True) if a is not None
            ]
            self._rows.append(row_digests([a for r, a in named if r != "weight"]))
            self._weight_rows.append(row_digests([a for r, a in named if r == "weight"]))
        else:
            self._rows.append(keyed[fresh])
        self._remember_leaves(arrays, fresh)
        if self.too_large:
            return
        self._bytes += sum(a[:1].nbytes for a in present) * len(fresh)
        if self._bytes > self._keep_bytes:
            self.too_large, self._chunks = True, []
            return
        self._dense = None
        self._chunks.append([None if a is None else a[fresh] for a in arrays])

    def _remember_leaves(self, arrays: Sequence[Any], fresh: np.ndarray) -> None:
        """What tells the arrays of a sample apart, of as many samples as a description needs."""
        known = sum(len(rows[0]) for rows in self._leaf_rows)
        chosen = fresh[: max(0, DESCRIBED - known)]
        leaves = [
            a for r, a in zip(self.roles, arrays, strict=True) if r != "weight" and a is not None
        ]
        if len(chosen) and leaves:
            self._leaf_rows.append([value_digests(leaf[chosen]) for leaf in leaves])

    def _add_whole(self, arrays: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
        present = [a for a in arrays if a is not None]
        digest = bytes.fromhex("".join(tensor_digest(a) for a in present))
        short = np.frombuffer(bytes.fromhex(tensor_digest(np.frombuffer(digest, np.uint8))), ">u8")
        row = short.astype(np.uint64).reshape(1, 2)
        index = self._index.get(row.tobytes())
        if index is None:
            index = self._index[row.tobytes()] = self._count
            self._count += 1
            self._rows.append(row)
            if not self.too_large:
                self._bytes += sum(a.nbytes for a in present)
                self.too_large = self._bytes > self._keep_bytes
                self._chunks.append([None if a is None else np.array(a) for a in arrays])
                self._dense = None
        return np.array([index]), row

    def content(self, validation: str, validation_samples: np.ndarray | None) -> Content:
        empty = np.empty((0, 2), np.uint64)
        return Content(
            samples=np.concatenate(self._rows) if self._rows else empty,
            unit=self.unit,
            signature=self.signature,
            weights=np.concatenate(self._weight_rows) if self._weight_rows else None,
            validation=validation,
            leaves=tuple(map(np.concatenate, zip(*self._leaf_rows, strict=True))),
            validation_samples=validation_samples,
        )

    def samples(self) -> Samples:
        """The samples to feed again; leaves None where they were too large to keep."""
        return Samples(self.structure, self.roles, self._leaves(), self.unit)

    def _leaves(self) -> list[Any] | None:
        if self.too_large or not self._chunks:
            return None
        if self._dense is None:
            columns = range(len(self._chunks[0]))
            if self.unit == "sample" and all(self._even(place) for place in columns):
                # They are kept joined from now on, so each chunk may go once it is copied.
                self._dense = [self._joined(place) for place in columns]
                self._chunks = [list(self._dense)]
            else:
                self._dense = [self._parts(place) for place in columns]
        return self._dense

    def _even(self, place: int) -> bool:
        """Whether all samples of a leaf have one shape."""
        parts: list[Any] = [chunk[place] for chunk in self._chunks]
        return parts[0] is None or len({part.shape[1:] for part in parts if part is not None}) == 1

    def _joined(self, place: int) -> Any:
        """The chunks of one leaf as one array; they are given up."""
        first = self._chunks[0][place]
        if first is None or len(self._chunks) == 1:
            return first
        parts: list[Any] = [chunk[place] for chunk in self._chunks]
        rows, kind = sum(map(len, parts)), np.result_type(*(part.dtype for part in parts))
        joined = np.empty((rows, *first.shape[1:]), kind)
        begin, first = 0, None
        for chunk in self._chunks:
            part, chunk[place] = parts.pop(0), None
            joined[begin : begin + len(part)] = part
            begin += len(part)
        return joined

    def _parts(self, place: int) -> Any:
        """The samples of one leaf that do not make one array, or whole batches, one by one."""
        parts: list[Any] = [chunk[place] for chunk in self._chunks]
        if parts[0] is None:
            return None
        if self.unit == "batch":
            return parts
        if self._even(place):
            return np.concatenate(parts)
        return [row for part in parts for row in part]


def _kinds(arrays: Sequence[Any]) -> list[Any]:
    """What batches must have in common to be looked at together."""
    return [None if a is None else (a.dtype, a.shape[1:]) for a in arrays]


def _count(arrays: Sequence[Any]) -> int:
    return next(len(a) for a in arrays if a is not None)


def array_rows(data_adapter: Any, size: int = 1024) -> Any | None:
    """An array adapter's samples in the order of the rows, ``size`` at a time. None for other kinds
    of data, and where reading them once more would run code of the script's."""
    if type(data_adapter) is not array_adapter():
        return None
    if any(is_scripts(type(leaf)) for leaf in flatten(arrays_of(data_adapter))):
        return None
    return in_row_order(data_adapter, size)
