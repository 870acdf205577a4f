"""Whether Python code runs for its values, or to be traced into a compiled program."""

from __future__ import annotations

import sys
from typing import Any

import keras

from whydiff.keras_backend.internals import leaves_of

_SYMBOLIC = {"KerasTensor", "SymbolicTensor", "FakeTensor", "Tracer", "Proxy"}
_known: dict[type, bool] = {}


def compiling() -> bool:
    """Whether ``torch.compile`` looks at the code: it must find nothing of ours."""
    torch = sys.modules.get("torch")
    if torch is None:
        return False
    compiler = getattr(torch, "compiler", None)  # absent while torch is being imported
    return compiler is not None and bool(compiler.is_compiling())


def symbolic(structure: Any) -> bool:
    """Whether any value stands for another one: a Keras tensor, a tracer, a graph's tensor."""
    if any(_is_symbolic(type(leaf)) for leaf in leaves_of(structure)):
        return True
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return not tf.executing_eagerly()
    return False


def _is_symbolic(cls: type) -> bool:
    found = _known.get(cls)
    if found is None:
        found = _known[cls] = any(base.__name__ in _SYMBOLIC for base in cls.__mro__)
    return found
