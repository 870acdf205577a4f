"""Which callbacks change a training, copies of them that leave no traces, and the logs they get."""

from __future__ import annotations

import contextlib
import copy
import functools
import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from whydiff.keras_backend.code import is_users
from whydiff.keras_backend.internals import package_of

#: Callbacks of Keras that may end a training or choose the weights it ends with.
STOPPING = ("EarlyStopping", "TerminateOnNaN")
#: Callbacks of Keras that change the optimizer or the weights on the way.
STEERING = ("ReduceLROnPlateau", "LearningRateScheduler", "SwapEMAWeights")
#: what Keras calls of a callback while it trains
HOOKS = tuple(
    f"on_{what}_{when}"
    for what in ("train", "epoch", "train_batch", "batch")
    for when in ("begin", "end")
)


def sort_callbacks(
    callbacks: Sequence[Any], acting: frozenset[int], ending: frozenset[int]
) -> tuple[list[Any], list[Any]]:
    """(may stop the training, change the training on the way); the others only look on.

    Callbacks of the user's count by what they were seen to do: change the training (``acting``),
    or just end it (``ending``).
    """
    stopping = [
        c
        for i, c in enumerate(callbacks)
        if (type(c).__name__ in STOPPING and not is_users(type(c))) or i in ending - acting
    ]
    steering = [
        c
        for i, c in enumerate(callbacks)
        if (type(c).__name__ in STEERING and not is_users(type(c))) or i in acting
    ]
    return stopping, steering


def sees_batches(callback: Any) -> bool:
    """Whether a callback is called between the steps of an epoch."""
    hooks = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
    if type(callback).__name__ == "LambdaCallback" and not is_users(type(callback)):
        return any(name in vars(callback) for name in hooks)
    base = package_of(callback).callbacks.Callback
    return any(getattr(type(callback), name) is not getattr(base, name) for name in hooks)


def listed(callbacks: Any) -> list[Any]:
    """The callbacks of a ``callbacks`` argument, in Keras's order: of a list, also with lists and
    dicts in it, of a CallbackList, one, or None."""
    if callbacks is None:
        return []
    if isinstance(callbacks, dict):
        return listed([callbacks[name] for name in sorted(callbacks)])
    if isinstance(callbacks, (list, tuple)):
        return [one for part in callbacks for one in listed(part)]
    if isinstance(callbacks, package_of(callbacks).callbacks.CallbackList):
        return list(callbacks.callbacks)
    return [callbacks]


def as_given(given: Any, callbacks: list[Any]) -> Any:
    """``callbacks`` in a form that Keras takes as it takes ``given``: only callbacks that lie in a
    list itself keep their hooks in the thread of the training."""
    if isinstance(given, (list, tuple)):
        nested = any(isinstance(one, (list, tuple, dict)) for one in given)
        return [callbacks] if nested else callbacks
    return callbacks if given is None else dict(enumerate(callbacks))


def _nothing(callback: Any) -> None:
    """Nothing is done."""


@functools.lru_cache(maxsize=64)
def _without_end(kind: Any) -> Any:
    names = {name: getattr(kind, name) for name in ("__module__", "__qualname__")}
    names["__slots__"] = ()  # laid out as the class itself
    return type(kind)(kind.__name__, (kind,), {**names, "__del__": _nothing})


def fresh_callback(callback: Any) -> Any:
    """A shallow copy with its own containers: it can run and the original stays as it was.

    The end of the copy is none of the callback: it may close a file that the original still uses.
    """
    twin = _shallow_copy(callback)
    if getattr(type(twin), "__del__", _nothing) is not _nothing:
        kind: Any = type(twin)
        object.__setattr__(twin, "__class__", _without_end(kind))
    held = _attributes(twin)
    for key, value in held.items():
        if isinstance(value, (list, dict, set)):
            held[key] = copy.copy(value)
    return twin


def _shallow_copy(thing: Any) -> Any:
    """A copy that shares all attributes; no code of the class is called where that can be."""
    try:
        twin: Any = object.__new__(type(thing))
    except TypeError:  # a list or a dict, too
        return copy.copy(thing)
    _attributes(twin).update(_attributes(thing))
    members = (member for base in type(thing).__mro__ for member in vars(base).values())
    for slot in members:
        if isinstance(slot, types.MemberDescriptorType):
            with contextlib.suppress(AttributeError):  # has no value
                slot.__set__(twin, slot.__get__(thing))
    return twin


def _attributes(thing: Any) -> dict[str, Any]:
    """Those of the object itself: none where its class has slots alone."""
    try:
        held: dict[str, Any] = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        return {}
    return held


def numbers(logs: Any) -> dict[str, float]:
    """Logs as plain floats; entries that are not numbers are left out.

    Of a metric that gives a number per class (F1Score) it is their mean, under a name of its own.
    """
    found: dict[str, float] = {}
    for key, value in (logs or {}).items():
        if isinstance(value, Mapping):
            found |= {f"{key}/{k}": v for k, v in numbers(value).items()}
            continue
        try:
            # Of a torch tensor with a gradient Python's float warns, which Keras's own is to do.
            plain = value.detach() if hasattr(value, "detach") else value
            shape = tuple(getattr(plain, "shape", ()))
            if len(shape) == 1 and shape[0] > 1:
                array = np.asarray(plain.cpu() if hasattr(plain, "cpu") else plain, np.float64)
                found[f"{key} (mean of {len(array)})"] = float(array.mean())
            else:
                found[str(key)] = float(plain[0] if shape == (1,) else plain)
        except (TypeError, ValueError):
            continue
    return found
