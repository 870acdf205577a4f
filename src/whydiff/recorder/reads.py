"""What a step reads besides variables, and whether it was compiled with older values."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.keras_backend.code import LOSS, Outside, anew, is_users
from whydiff.keras_backend.subject import BesideModels
from whydiff.recorder.describe.model import constants, held, is_array, loss_reads, outside
from whydiff.recorder.describe.values import PLAIN, plain


@dataclass(frozen=True, eq=False)
class _Trace:
    """A compiled train function, what it was compiled for, and the values it has in it."""

    function: Callable[[], Any]
    signature: Hashable
    values: Mapping[str, Any]


_TRACES: BesideModels[_Trace] = BesideModels()
#: what is compared before and after a step
_KEPT = (*PLAIN, list)


def reads_of(
    model: Any,
    layers: Mapping[str, Any],
    compiled: bool,
    signature: Hashable,
    before: Mapping[tuple[int, str], Any],
    loss: Any = None,
) -> tuple[Outside, ...]:
    """What the step that just ran reads, with the values that are in force.

    A compiled step keeps what it read when it was traced: where the same train function has run
    before, for data of the same ``signature``, those values count and not what they are now. What
    a step itself sets is as it was ``before`` the first one, see :func:`stored_before`.
    """
    found = [replace(read, now=read.value) for read in loss_reads(loss)]
    for path, layer in layers.items():
        for read in (*outside(layer), *held(layer), *constants(layer)):
            value = before.get((id(layer), read.name), read.value)
            kept = read.stored or (isinstance(value, _KEPT) and told(value) != told(read.value))
            value = value if kept else read.value
            found.append(replace(read, owner=path, value=value, now=value, stored=kept))
    traced = _traced(model, found, signature) if compiled else {}
    return tuple(replace(r, value=traced.get(_name(r), r.value)) for r in found)


def stored_before(layers: Sequence[Any]) -> dict[tuple[int, str], Any]:
    """Values that steps of a training may set, by the layer's id, as they are now: own attributes
    that its code sets, and plain ones that it reads from globals and closures."""
    return {
        (id(layer), read.name): anew(read.value)
        for layer in layers
        for read in (*outside(layer), *(r for r in held(layer) if r.stored))
        if isinstance(read.value, _KEPT) or (read.stored and is_array(read.value))
    }


def values_now(reads: Sequence[Outside]) -> dict[tuple[int, str], Any]:
    """The plain values that are read, by where they lie, as they are now."""
    return {r.place: told(r.get()) for r in reads if _is_kept(r)}


def _is_kept(read: Outside) -> bool:
    """Whether it is a plain value that a training may set and leave so."""
    return isinstance(read.value, _KEPT) and read.holder is not None


class SetAside:
    """Values besides variables that trainings of a script set and left so: what a callback anneals
    in an object that a layer holds, in the layer or in a global."""

    def __init__(self) -> None:
        #: where it lies -> the fit, what it left, and what keeps the place from being another's
        self._left: dict[tuple[int, str], tuple[int, Any, Outside]] = {}
        #: the same for the attributes of callbacks, which are not kept alive
        self._counted: dict[tuple[int, str], tuple[int, Any, Callable[[], Any]]] = {}

    def after(self, index: int, reads: Sequence[Outside]) -> None:
        """The training of this number is over: remember what it left otherwise than it began."""
        for read in reads:
            if _is_kept(read) and (value := told(read.get())) != told(read.now):
                self._left[read.place] = (index, value, read)

    def after_callbacks(self, index: int, given: Sequence[Any], begun: Sequence[Any]) -> None:
        """Remember what callbacks of the user's hold otherwise than their copies, which are as the
        training of this number ``begun`` with them."""
        for callback, before in zip(given, begun, strict=True):
            for key, value in _plain_attributes(callback):
                if getattr(before, key, value) != value:
                    self._counted[id(callback), key] = (index, value, weak(callback))

    def found_in(self, callbacks: Sequence[Any]) -> dict[str, int]:
        """``Cooler.seen``: what an earlier fit left in a callback that is given to this one as
        well, with the number of that fit."""
        nothing = (0, None, lambda: None)
        found = {}
        for callback in callbacks:
            for key, value in _plain_attributes(callback):
                fit, left, same = self._counted.get((id(callback), key), nothing)
                if fit and same() is callback and left == value:
                    found[f"{type(callback).__name__}.{key}"] = fit
        return found

    def found_by(self, reads: Sequence[Outside]) -> tuple[tuple[Outside, ...], dict[str, int]]:
        """What the first step of another training reads, with what an earlier one left marked as
        stored; and the number of that fit by the fact."""
        marked, fits = [], {}
        for read in reads:
            fit, value, _ = self._left.get(read.place, (0, None, None))
            if fit and read.owner != LOSS and not read.stored and told(read.value) == value:
                fits[read.key] = fit
            marked.append(replace(read, stored=read.stored or read.key in fits))
        return tuple(marked), fits


def _plain_attributes(callback: Any) -> list[tuple[str, Any]]:
    """What a callback of the user's holds; none where it has slots alone."""
    held = getattr(callback, "__dict__", {}) if is_users(type(callback)) else {}
    return [(key, value) for key, value in held.items() if isinstance(value, PLAIN)]


def _traced(model: Any, reads: Sequence[Outside], signature: Hashable) -> Mapping[str, Any]:
    function = getattr(model, "train_function", None)
    known = _TRACES.get(model)
    if function is None:
        return {}
    if known is not None and known.function() is function and known.signature == signature:
        return known.values
    _TRACES[model] = _Trace(weak(function), signature, {_name(read): read.value for read in reads})
    return {}


def weak(function: Any) -> Callable[[], Any]:
    """A reference to a compiled function that does not keep it alive.

    Kept alive, JAX would find its trace again where the script compiles the model anew.
    """
    try:
        return weakref.ref(function)
    except TypeError:  # None, or a kind of function that knows no references
        return lambda: function


def stale(reads: Sequence[Outside]) -> dict[str, list[Any]]:
    """Fact -> (value compiled into the step, value that the script has set since)."""
    pairs = {r.key: [told(r.value), told(r.now)] for r in reads}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def told(value: Any) -> Any:
    """A value as a fact tells it; of a tensor the digest."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        import keras

        return tensor_digest(np.asarray(keras.ops.convert_to_numpy(value)))
    return plain(value)


def _name(read: Outside) -> str:
    return f"{read.owner}:{read.name}"
