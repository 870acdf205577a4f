"""What a measuring call is fed: seen batch by batch on its way, or read from its arrays."""

from __future__ import annotations

import functools
import itertools
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from whydiff.core.calls import REORDERS, Inputs, Leaf
from whydiff.core.stack import cell_of
from whydiff.core.weakly import Weakly
from whydiff.keras_backend.code import draws_at, is_scripts
from whydiff.keras_backend.internals import map_leaves
from whydiff.recorder.measuring.rows import Rows, ToNumpy, rows_of_structure, taken_apart

ROLES = ("x", "y", "weight")


class Fed:
    """Batches in their order. ``keep_bytes`` bounds the copies that are kept to feed again."""

    def __init__(self, to_numpy: ToNumpy, keep_bytes: int) -> None:
        self._to_numpy, self._keep_bytes = to_numpy, keep_bytes
        self.begin_pass()

    def begin_pass(self) -> None:
        """Data are passed over anew: what was seen before was only looked at to build the model."""
        self._left = self._keep_bytes
        self._batches: list[list[tuple[str, Rows]]] = []
        self._sizes: list[int] = []
        self.fed: list[Any] | None = [] if self._keep_bytes else None
        self.shapes: set[str] = set()  # of the batches, as a compiled function tells them apart

    def add(self, batch: Any) -> None:
        """A batch as an iterator gives it: x, (x,), (x, y) or (x, y, sample_weight)."""
        parts = tuple(batch) if isinstance(batch, (tuple, list)) and len(batch) <= 3 else (batch,)
        self.add_parts(parts)

    def add_parts(self, parts: tuple[Any, ...], sizes: list[int] | None = None) -> None:
        """(x, y, sample_weight); ``sizes`` cuts arrays that are batched later."""
        named = [
            (role, rows)
            for role, part in zip(ROLES, parts, strict=False)
            if part is not None
            for rows in rows_of_structure(part, self._to_numpy)
        ]
        self._batches.append(named)
        count = next((len(rows.rows) for _, rows in named), 0)
        self._sizes += [count] if sizes is None else sizes
        for size in {count} if sizes is None else set(sizes):
            self.shapes.add(
                ", ".join(
                    f"{rows.dtype}{[size, *rows.shape[1:]] if rows.cut else list(rows.shape)}"
                    for role, rows in named
                    if role == "x"
                )
            )
        if self.fed is not None:
            self._keep(parts, named, sizes)

    def _keep(
        self, parts: tuple[Any, ...], named: list[tuple[str, Rows]], sizes: list[int] | None
    ) -> None:
        assert self.fed is not None
        self._left -= sum(rows.array.nbytes for _, rows in named)
        if self._left < 0:
            self.fed = None
            return
        while len(parts) > 1 and parts[-1] is None:
            parts = parts[:-1]
        whole = map_leaves(self._copied, taken_apart(parts))
        if sizes is None:
            self.fed.append(whole)
            return
        start = 0
        for size in sizes:
            piece = slice(start, start + size)
            self.fed.append(map_leaves(functools.partial(_cut, piece), whole))
            start += size

    def _copied(self, leaf: Any) -> Any:
        return None if leaf is None else np.array(self._to_numpy(leaf))

    def inputs(self, facts: Mapping[str, Any], rows: int | None = None) -> Inputs:
        """Everything so far; ``rows`` cuts off what was read ahead and not used."""
        sizes = list(self._sizes)
        if rows is not None:
            while sizes and sum(sizes[:-1]) >= rows:
                sizes.pop()
                if self.fed:
                    self.fed = self.fed[: len(sizes)]
        total = sum(sizes)
        cut = all(r.cut for batch in self._batches for _, r in batch)
        keys = list(dict.fromkeys((role, r.path) for batch in self._batches for role, r in batch))
        leaves = []
        for role, path in keys:
            parts = [r for batch in self._batches for o, r in batch if (o, r.path) == (role, path)]
            joined = np.concatenate([part.rows for part in parts])
            shapes = {part.shape[1:] if part.cut else part.shape for part in parts}
            leaves.append(
                Leaf(role, path, parts[0].dtype, _common(shapes), joined[:total] if cut else joined)
            )
        facts = {**facts, "seen": bool(self._batches)}
        return Inputs(tuple(leaves), np.array(sizes, np.int64), "sample" if cut else "batch", facts)


def _common(shapes: set[tuple[int, ...]]) -> tuple[int, ...]:
    """One shape for all, -1 where they differ; () where they have different lengths."""
    if len({len(shape) for shape in shapes}) != 1:
        return ()
    sizes = [set(column) for column in zip(*shapes, strict=True)]
    return tuple(column.pop() if len(column) == 1 else -1 for column in sizes)


def _cut(piece: slice, leaf: Any) -> Any:
    return None if leaf is None else leaf[piece]


#: Methods in which a PyDataset may draw the order of its rows: of a pass, and what makes it.
_ORDERING = ("on_epoch_end", "on_epoch_begin", "__getitem__", "__init__")


def own_source(data: Any) -> dict[str, Any]:
    """Of a data adapter that reads a PyDataset of the script's own: where that draws."""
    dataset = getattr(data, "py_dataset", None)
    if dataset is None:
        return {}
    cls: type = type(dataset)
    if cls not in _KNOWN:
        _KNOWN[cls] = _reorders(cls)
    return dict(_KNOWN[cls])


#: What is known of classes, which end when the script lets go of them.
_KNOWN: Weakly[dict[str, Any]] = Weakly()


def _reorders(cls: type) -> dict[str, Any]:
    if not is_scripts(cls):
        return {}
    drawn = {method: draws_at(cls, method) for method in _ORDERING}
    places = {method: place for method, place in drawn.items() if place}
    methods = {method: [cell_of(file) or file, line] for method, (file, line) in places.items()}
    made_by: Any = cls
    code = getattr(made_by.__init__, "__code__", None)
    takes = code is not None and "shuffle" in code.co_varnames[: _arguments_of(code)]
    return {REORDERS: {"class": cls.__name__, "methods": methods, "shuffle": takes}}


def _arguments_of(code: types.CodeType) -> int:
    return code.co_argcount + code.co_kwonlyargcount


class Sources:
    """Numbers for sources of data: the same for one and the same object, or for one and the same
    part of an array."""

    def __init__(self) -> None:
        self._known: Weakly[int] = Weakly()
        self._parts: dict[tuple[Any, ...], int] = {}  # of arrays that others own
        self._counted = itertools.count(1)

    def number_of(self, data: Any) -> int | None:
        """The number of a source; None for what cannot be told from another."""
        owner = data
        while isinstance(owner, np.ndarray) and isinstance(owner.base, np.ndarray):
            owner = owner.base
        try:
            number = self._known.setdefault(owner, next(self._counted))
        except TypeError:  # it cannot be held weakly
            return None
        if owner is data:
            return number
        start = data.__array_interface__["data"][0]  # x[..., ::-1] is a new object every time
        part = number, start, data.shape, data.strides
        return self._parts.setdefault(part, next(self._counted))
