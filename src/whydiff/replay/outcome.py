"""What a training ended with, and a person's live models left as they were found."""

from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from whydiff.core.live import Live
from whydiff.keras_backend import adapter
from whydiff.keras_backend.host_generators import generators_held, host_kept
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.subject import layers_of
from whydiff.keras_backend.variables import existing_variables
from whydiff.replay.values import Choice, side


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a training ended with: weights by canonical path, predictions on the probe, logs."""

    weights: dict[str, np.ndarray]
    predictions: list[np.ndarray] | None
    logs: list[dict[str, float]]
    moved: float = 0.0  # by how much an initial weight was nudged


def predict(model: Any, data: Any) -> list[np.ndarray] | None:
    """Predictions on what a probe feeds, or None where there is none, or this model cannot take
    its inputs."""
    if data is None:
        return None
    try:
        # A layer's code may draw, and differ by that alone.
        with quiet(), host_kept(0, generators_held(model)):
            outputs = keras.Model.predict(model, data, verbose=0)
    except Exception:
        return None
    return [np.asarray(part) for part in keras.tree.flatten(outputs)]


def generator_of(lives: Mapping[str, Live], choice: Choice) -> Live:
    """Whose states the backend's global generator is set to: the noise's side, if it has any.

    It may have none where that side was trained on a backend without such a generator.
    """
    chosen = side(choice, "noise")
    other = lives["b" if chosen == "a" else "a"]
    return lives[chosen] if lives[chosen].material.random_states else other


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Callbacks of the script print; that belongs to the script's own run, not to a replay."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


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
