"""Why the loss that ``fit`` logs is not the loss that ``evaluate`` reports, at equal weights.

The logged loss is a mean over an epoch of moving weights, in training mode. Re-evaluated with
the final weights on the same batches it is taken apart into what moving weights, random layers,
BatchNormalization's batch statistics and regularization contribute.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from whydiff.core.live import Live
from whydiff.keras_backend import adapter
from whydiff.keras_backend.code import is_users
from whydiff.keras_backend.internals import (
    own_generators,
    sublayers,
    takes_training,
    training_argument,
)
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.variables import variables_of

#: More batches of an epoch than this are not evaluated again; an even selection stands for them.
MOST_BATCHES = 100


def take_apart(live: Live, model: Any) -> dict[str, float] | None:
    """Logged and evaluated training loss of a fit with their difference in parts.

    Keys: ``logged``, ``evaluated``, ``moving weights``, ``random layers``, ``batch
    normalization`` (these three sum to logged - evaluated), ``regularization`` (contained in
    both), ``batches`` and ``of batches``. None where the model's loss cannot be computed outside
    its train step. Leaves the model with the final weights.
    """
    if not live.logs or "loss" not in live.logs[-1] or live.material.samples.leaves is None:
        return None
    if is_users(getattr(type(model), "train_step", None)):
        return None  # it logs what it likes, and a loss that it never updates stays 0
    names = Names(model)
    variables = variables_of(model, names)
    for slot, value in zip(variables.weights, live.final, strict=True):
        slot.variable.assign(np.array(value))
    batches = last_epoch(live)
    every = max(1, -(-len(batches) // MOST_BATCHES))
    chosen = batches[::every]
    stochastic = [layer for layer in names.layers.values() if is_random(layer)]
    normalizing = [layer for layer in names.layers.values() if normalizes(layer)]
    state = [(s.variable, np.array(adapter().to_numpy(s.variable))) for s in variables.weights]
    try:
        training, _ = _mean_loss(live, model, chosen, True, [])
        evaluated, regularization = _mean_loss(live, model, chosen, False, [])
        if not normalizing:  # what is left between the two passes is rounding
            quiet = evaluated
        elif not stochastic:
            quiet = training
        else:
            quiet, _ = _mean_loss(live, model, chosen, True, stochastic)
    except Exception:  # a train step of the user's own computes its loss in its own way
        return None
    finally:
        for variable, value in state:
            variable.assign(np.array(value))
    logged = float(live.logs[-1]["loss"])
    return {
        "logged": logged,
        "evaluated": evaluated,
        "moving weights": logged - training,
        "random layers": training - quiet,
        "batch normalization": quiet - evaluated,
        "regularization": regularization,
        "batches": float(len(chosen)),
        "of batches": float(len(batches)),
    }


def last_epoch(live: Live) -> list[np.ndarray]:
    """Indices of the samples of each batch of the last epoch."""
    material = live.material
    ends = np.cumsum(material.batches[-1])
    sizes = material.batches[-1]
    return [material.order[-1][end - n : end] for n, end in zip(sizes, ends, strict=True)]


def _mean_loss(
    live: Live, model: Any, batches: list[np.ndarray], training: bool, silent: list[Any]
) -> tuple[float, float]:
    """(loss with regularization, regularization), means over samples."""
    total = penalty = count = 0.0
    samples = live.material.samples
    with silenced(silent):
        for indices in batches:
            batch = keras.tree.pack_sequence_as(samples.structure, samples.batch(indices))
            x, y, weight = keras.utils.unpack_x_y_sample_weight(batch)
            predicted = model(x, **training_argument(model, training))
            extra = sum(float(keras.ops.convert_to_numpy(loss)) for loss in model.losses)
            loss = model.compute_loss(x=x, y=y, y_pred=predicted, sample_weight=weight)
            total += float(keras.ops.convert_to_numpy(loss)) * len(indices)
            penalty += extra * len(indices)
            count += len(indices)
    return total / count, penalty / count


@contextlib.contextmanager
def silenced(layers: list[Any]) -> Iterator[None]:
    """Some layers called as in inference although the model is called as in training."""
    originals = [(layer, layer.call) for layer in layers]

    def in_inference(call: Any) -> Any:
        def inference(*args: Any, **kwargs: Any) -> Any:
            return call(*args, **{**kwargs, "training": False})

        return inference

    for layer, call in originals:
        object.__setattr__(layer, "call", in_inference(call))
    try:
        yield
    finally:
        for layer, _ in originals:
            object.__delattr__(layer, "call")


def is_random(layer: Any) -> bool:
    """Whether a layer draws random numbers in training."""
    return takes_training(layer) and bool(own_generators(layer)) and not sublayers(layer)


def normalizes(layer: Any) -> bool:
    """Whether a layer keeps moving statistics, as BatchNormalization does."""
    return hasattr(layer, "moving_mean") and hasattr(layer, "moving_variance")
