"""Keras as the other packages see it: names, variables, callbacks - and its backends.

``base`` says what a backend answers, ``internals`` holds every private name of Keras, ``patches``
is how Keras is changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whydiff.core.errors import WhydiffError

if TYPE_CHECKING:
    from whydiff.keras_backend.base import Backend


def adapter() -> Backend:
    """The backend that Keras uses (Keras has been imported by then)."""
    import keras

    name = keras.backend.backend()
    found = backend_named(name)
    if found is None:
        raise WhydiffError(
            f"Keras backend {name!r} cannot train with fit.",
            "Set KERAS_BACKEND to jax, tensorflow or torch.",
        )
    return found


def adapter_of(subject: Any) -> Backend:
    """The backend of a model (or of a loop's models): Keras's, or TensorFlow for one of Keras 2."""
    from whydiff.keras_backend.internals import is_keras_2
    from whydiff.keras_backend.subject import models_of

    if not is_keras_2(next(iter(models_of(subject)))):
        return adapter()
    from whydiff.keras_backend.keras2 import backend

    return backend


def backend_named(name: str) -> Backend | None:
    """The backend of that name, which is imported if it has not been; None for any other name."""
    if name == "jax":
        from whydiff.keras_backend.jax import backend as on_jax

        return on_jax
    if name == "tensorflow":
        from whydiff.keras_backend.tensorflow import backend as on_tensorflow

        return on_tensorflow
    if name == "torch":
        from whydiff.keras_backend.torch import backend as on_torch

        return on_torch
    return None
