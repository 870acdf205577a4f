"""Looking at the calls of a model's layers while it runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from whydiff.keras_backend.naming import Names

Call = Callable[..., Any]


@contextlib.contextmanager
def calls_wrapped(names: Names, wrap: Callable[[str, Call], Call]) -> Iterator[None]:
    """``wrap(path, call)`` in place of the ``call`` of every layer but inputs, until the end.

    A layer inside another is called before the outer one returns.
    """
    layers = {p: n for p, n in names.layers.items() if p and type(n).__name__ != "InputLayer"}
    for path, layer in layers.items():
        object.__setattr__(layer, "call", wrap(path, layer.call))
    try:
        yield
    finally:
        for layer in layers.values():
            object.__delattr__(layer, "call")
