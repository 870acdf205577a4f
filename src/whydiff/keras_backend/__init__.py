"""Keras as the other rooms see it: names, variables, callbacks - and its backends.

What differs between the backends stands in one small file per backend.

What two of them answer alike stands in ``in_place`` and ``no_generator``, and both import it.

``capture`` and ``replay`` ask :func:`adapter` for the module of the backend in use. Every
module has the same functions:

``to_numpy(value)``
    Host copy or view of a tensor or of the value of a Keras variable.
``reader(values)``
    A function that gives the host values of some variables as they are when it is called; to
    make it once and call it often is faster than ``to_numpy``.
``epoch_iterator_class()``
    The class whose ``_get_iterator`` hands out the batches of an epoch.
``told_order()``
    A context in which an epoch iterator is made; gives what will know the order in which arrays
    are fed (``known``, ``shuffles``, ``rows``), or None where every batch has to be looked at.
``tee(iterable, sink)``
    The same batches, each shown to ``sink(structure)`` on its way; pulls nothing ahead. None
    where that cannot be done.
``wrap_train_function(function, watcher)``
    A train function that tells ``watcher()`` (a watch or None) about state before and after.
``feed(batches, like, sizes)``
    What a data adapter of this backend hands out for one epoch of recorded batches, which have
    as many samples as ``sizes()`` tells.
``values_of(model, state, known)``, ``travellers(model)``
    Current values by id of the variable, where the state of a step travels outside variables;
    ``known`` is what ``travellers`` said of this model before, which takes a while to say.
``copier(values)``
    A function that copies values like these without waiting for them, or None. It gives a
    function that reads the copy, whatever became of the values.
``with_values(model, state, values)``
    That state with the values of some variables (by id) in place of its own.
``gradients(model, x, y, weight)``
    Gradient of the training loss of one batch by every trainable variable, computed eagerly.
``signature(iterable)``
    What a later feed must look like so that Keras traces no other train function.
``initial_value(variable, initializer)``
    The first value of a variable just made, or None where it cannot be known.
``random_state()``, ``set_random_state(state)``, ``draws_between(before, after)``, ``draw(n)``
    The backend's own global generator as an array, or None where it has none to read.
``forget_traces(model)``
    See to it that the next train function is traced anew, not found among those of before.
``seeded_state(seed)``
    The state of that generator after it was seeded; it is left alone.
``permutations(seed, peeks)``
    A function from a length to the next permutation that shuffling draws after ``seed``.
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
    return importlib.import_module(f"whydiff.keras_backend.{name}.backend")
