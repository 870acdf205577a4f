"""Which callbacks change a training, copies of them that leave no traces, and the logs they get."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping, Sequence
from typing import Any

from whydiff.keras_backend.code import is_users

#: Callbacks of Keras that may end a training or choose the weights it ends with.
STOPPING = ("EarlyStopping", "TerminateOnNaN")
#: Callbacks of Keras that change the optimizer or the weights on the way.
STEERING = ("ReduceLROnPlateau", "LearningRateScheduler", "SwapEMAWeights")


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


def listed(callbacks: Any) -> list[Any]:
    """The callbacks of a ``callbacks`` argument: a list, a CallbackList, one, or None."""
    inner = getattr(callbacks, "callbacks", callbacks)
    if inner is None:
        return []
    return list(inner) if isinstance(inner, (list, tuple)) else [inner]


def _nothing(callback: Any) -> None:
    """Nothing is done."""


@functools.lru_cache(maxsize=64)
def _without_end(kind: Any) -> Any:
    names = {name: getattr(kind, name) for name in ("__module__", "__qualname__")}
    return type(kind)(kind.__name__, (kind,), {**names, "__del__": _nothing})


def fresh_callback(callback: Any) -> Any:
    """A shallow copy with its own containers: it can run and the original stays as it was.

    The end of the copy is none of the callback: it may close a file that the original still uses.
    """
    twin = copy.copy(callback)
    if getattr(type(twin), "__del__", _nothing) is not _nothing:
        kind: Any = type(twin)
        twin.__class__ = _without_end(kind)
    for key, value in vars(twin).items():
        if isinstance(value, (list, dict, set)):
            setattr(twin, key, copy.copy(value))
    return twin


def numbers(logs: Any) -> dict[str, float]:
    """Logs as plain floats; entries that are not numbers are left out."""
    found: dict[str, float] = {}
    for key, value in (logs or {}).items():
        if isinstance(value, Mapping):
            found |= {f"{key}/{k}": v for k, v in numbers(value).items()}
            continue
        try:
            found[str(key)] = float(value)
        except (TypeError, ValueError):
            continue
    return found
