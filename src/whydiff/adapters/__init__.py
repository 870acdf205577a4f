"""What differs between Keras's backends, one small file per backend.

``capture`` and ``replay`` ask :func:`adapter` for the module of the backend in use. Every
module has the same functions:

``to_numpy(value)``
    Host copy or view of a tensor or of the value of a Keras variable.
``epoch_iterator_class()``
    The class whose ``_get_iterator`` hands out the batches of an epoch.
``tee(iterable, sink)``
    The same batches, each shown to ``sink(structure)`` on its way; pulls nothing ahead.
``wrap_train_function(function, watcher)``
    A train function that tells ``watcher()`` (a watch or None) about state before and after.
``feed(batches, like)``
    What a data adapter of this backend hands out for one epoch of recorded batches.
``eagerly()``
    A context in which variables can be read although a step is being traced.
``random_state()``, ``set_random_state(state)``
    The backend's own global generator as an array, or None where it has none to read.
"""

from __future__ import annotations

import importlib
from types import ModuleType


def adapter() -> ModuleType:
    """The adapter of the Keras backend in use (Keras has been imported by then)."""
    import keras

    from whydiff.core.errors import WhydiffError

    name = keras.backend.backend()
    if name not in ("jax", "tensorflow", "torch"):
        raise WhydiffError(
            f"Keras backend {name!r} cannot train with fit.",
            "Set KERAS_BACKEND to jax, tensorflow or torch.",
        )
    return importlib.import_module(f"whydiff.adapters.{name}_backend")
