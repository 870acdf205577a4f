"""Values that decide an output and are no variables: put in place for a while, then back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from whydiff.core.calls import HeldValue
from whydiff.core.feeding import TransferError
from whydiff.keras_backend import backend_named
from whydiff.keras_backend.naming import Names

_MISSING = object()


@contextlib.contextmanager
def holding(names: Names, values: Mapping[str, tuple[HeldValue, Any]]) -> Iterator[None]:
    """The layers of a model with these recorded values in place of their present ones.

    A value whose place is not found any more is left alone: the control, which runs a call from
    its own fields, then says that it cannot be reproduced.
    """
    undo: list[Callable[[], None]] = []
    try:
        for held, value in values.values():
            back = _put(names.layers.get(held.layer), held, value)
            if back is not None:
                undo.append(back)
        yield
    finally:
        for back in reversed(undo):
            back()


def _put(layer: Any, held: HeldValue, value: Any) -> Callable[[], None] | None:
    if layer is None:
        return None
    name = held.name.rpartition("/")[2].rpartition(" ")[2]
    if held.kind == "global":
        return _put_global(layer, name, value)
    if held.kind == "closure":
        return _put_closure(layer, name, value)
    if held.kind == "vocabulary":
        return _put_vocabulary(layer, value)
    if held.kind == "recurrent state":
        return None  # it is a variable of the model
    return _put_attribute(layer, name, value)


def _put_vocabulary(layer: Any, words: Any) -> Callable[[], None] | None:
    if list(layer.get_vocabulary()) == list(words):
        return None
    # The table itself is kept: compiled functions hold on to it.
    holders = [layer, *(v for k, v in vars(layer).items() if k == "_lookup_layer")]
    before = [(holder, dict(vars(holder))) for holder in holders]
    try:
        layer.set_vocabulary(list(words))
    except Exception as error:
        raise TransferError(f"its vocabulary cannot be set: {error}") from error

    def back() -> None:
        for holder, attributes in before:
            vars(holder).clear()
            vars(holder).update(attributes)

    return back


def _put_attribute(layer: Any, name: str, value: Any) -> Callable[[], None] | None:
    before = getattr(layer, name, _MISSING)
    if before is _MISSING:
        return None
    if hasattr(before, "assign"):
        kept = np.array(before)
        before.assign(np.asarray(value))
        return lambda: before.assign(kept)
    if _same(before, value):
        return None
    object.__setattr__(layer, name, like(before, value))
    return lambda: object.__setattr__(layer, name, before)


def like(before: Any, value: Any) -> Any:
    """``value`` as the kind of thing that ``before`` is: a tensor, an array or plain."""
    if isinstance(value, np.ndarray) and hasattr(before, "shape") and hasattr(before, "dtype"):
        if isinstance(before, np.ndarray | np.generic):
            return value
        found = backend_named(type(before).__module__.split(".")[0].replace("jaxlib", "jax"))
        return value if found is None else found.tensor_like(value, before)
    return value


def _same(one: Any, other: Any) -> bool:
    try:
        x, y = np.asarray(one), np.asarray(other)
    except Exception:
        return False
    return x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()


def functions_of(layer: Any) -> list[Any]:
    """The Python functions that a layer computes with: those given to it and its own methods."""
    found = [v for v in vars(layer).values() if hasattr(v, "__code__")]
    for base in type(layer).__mro__:
        if not base.__module__.startswith("keras"):
            found += [m for m in vars(base).values() if hasattr(m, "__code__")]
    return found


def _put_global(layer: Any, name: str, value: Any) -> Callable[[], None] | None:
    for function in functions_of(layer):
        space = function.__globals__
        if name in space and name in _names(function.__code__):
            before = space[name]
            if _same(before, value):
                return None
            space[name] = like(before, value)
            return lambda: space.__setitem__(name, before)
    return None


def _names(code: Any) -> set[str]:
    inner = [c for c in code.co_consts if hasattr(c, "co_names")]
    return set(code.co_names).union(*(_names(c) for c in inner)) if inner else set(code.co_names)


def _put_closure(layer: Any, name: str, value: Any) -> Callable[[], None] | None:
    for function in functions_of(layer):
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))
        cell = cells.get(name)
        if cell is None:
            continue
        before = cell.cell_contents
        if _same(before, value):
            return None
        cell.cell_contents = like(before, value)
        return lambda: setattr(cell, "cell_contents", before)
    return None
