"""Variables that a layer holds and Keras does not track: what one step leaves to the next unseen.

A stateful recurrent layer keeps its hidden state so, and a layer of the script's own may keep a
counter in a bare ``tf.Variable``. They are in no list of weights, and yet a step starts from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from whydiff.keras_backend.internals import is_variable, own_generators, own_variables
from whydiff.keras_backend.naming import Names

#: What :class:`~whydiff.core.recipe.Tensor` calls their role.
ROLE = "hidden"


def hidden_variables(layer: Any) -> Iterator[tuple[str, Any]]:
    """(attribute, variable) of each untracked variable that a layer holds itself.

    None on JAX: a compiled step there cannot leave anything in a variable that Keras does not
    pass in and out.
    """
    if keras.backend.backend() == "jax":
        return
    tracked = {id(v) for v in own_variables(layer)}
    tracked |= {id(g.state) for g in own_generators(layer)}
    for attribute, value in list(vars(layer).items()):
        if attribute.startswith("_"):
            continue
        parts = value if isinstance(value, (list, tuple)) else (value,)
        for number, part in enumerate(parts):
            if _is_variable(part) and id(part) not in tracked:
                yield f"{attribute}_{number}" if len(parts) > 1 else attribute, part


def named(names: Names) -> Iterator[tuple[str, Any]]:
    """(canonical path, variable) of all untracked variables of a model."""
    seen = {id(v) for layer in names.layers.values() for v in own_variables(layer)}
    for path, layer in names.layers.items():
        for attribute, variable in hidden_variables(layer):
            if id(variable) not in seen:
                seen.add(id(variable))
                yield f"{path}/{attribute}" if path else attribute, variable


def _is_variable(value: Any) -> bool:
    if is_variable(value):
        return value.shape is not None and all(d is not None for d in value.shape)
    kind = type(value)
    return kind.__name__ == "ResourceVariable" and kind.__module__.startswith("tensorflow.")
