"""Training a person's live models again and leaving them as they were found."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from whydiff.keras_backend import adapter
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.subject import layers_of
from whydiff.keras_backend.variables import existing_variables


@contextlib.contextmanager
def left_as_found(models: Iterable[Any]) -> Iterator[None]:
    """On leaving, models, their optimizers and the global generators are as they were.

    Values of all variables, what ``compile`` set, train functions, regularizers and policies.
    """
    distinct = list({id(m): m for m in models}.values())
    kept = [(model, _snapshot(model)) for model in distinct]
    generators = random.getstate(), np.random.get_state(), adapter().random_state()
    try:
        yield
    finally:
        for model, snapshot in kept:
            _restore(model, snapshot)
        random.setstate(generators[0])
        np.random.set_state(generators[1])
        if generators[2] is not None:
            adapter().set_random_state(generators[2])


def _snapshot(model: Any) -> dict[str, Any]:
    to_numpy = adapter().to_numpy
    layers = Names(model).layers.values()
    return {
        "attributes": dict(vars(model)),
        "trainable": [(layer, layer.trainable) for layer in layers_of(model)],
        "values": [(v, np.array(to_numpy(v))) for v in existing_variables(model)],
        "regularizers": [(v, v.regularizer) for v in model.trainable_variables
                         if hasattr(v, "regularizer")],
        "layers": [(layer, layer.dtype_policy, layer.activity_regularizer) for layer in layers
                   if hasattr(layer, "activity_regularizer")],
    }  # fmt: skip


def _restore(model: Any, snapshot: dict[str, Any]) -> None:
    for layer, trainable in snapshot["trainable"]:
        if layer.trainable != trainable:
            layer.trainable = trainable
    for layer, policy, penalty in snapshot["layers"]:
        if layer.dtype_policy is not policy:
            layer.dtype_policy = policy
        if layer.activity_regularizer is not penalty:
            layer.activity_regularizer = penalty
    for variable, penalty in snapshot["regularizers"]:
        variable.regularizer = penalty
    attributes = vars(model)
    for name in [name for name in attributes if name not in snapshot["attributes"]]:
        del attributes[name]
    attributes.update(snapshot["attributes"])
    for variable, value in snapshot["values"]:
        variable.assign(value)
