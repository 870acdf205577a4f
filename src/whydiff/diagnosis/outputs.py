"""Outputs on one scale: those of a model that ends in logits stand for the probabilities that its
loss makes of them, as those of a model that ends in a softmax are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whydiff.core.recipe import Recipe
from whydiff.diagnosis.sources.layers import last_activation
from whydiff.stats.logits import sigmoid, softmax

SIGMOID, SOFTMAX = "sigmoid", "softmax"


def activations(a: Recipe, b: Recipe) -> dict[str, str]:
    """What to put behind the outputs of the model of "a" and of "b"; {} where they are as told.

    Models that end alike are read alike, though the losses of the two differ in what they expect:
    the weights behind equal numbers are to be compared, not the readings. Of others, logits are
    read as what the other ends in, if that is what their loss makes of them.
    """
    reads = read_by_loss(a), read_by_loss(b)
    ends = last_activation(a.architecture), last_activation(b.architecture)
    if ends[0] == ends[1]:
        read = reads[0] or reads[1]
        return {"a": read, "b": read} if read else {}
    pairs = zip("ab", reads, reversed(ends), strict=True)
    return {side: read for side, read, its in pairs if read and read == its}


def read_by_loss(recipe: Recipe) -> str:
    """The activation that the loss applies to a model that ends in none, "" for any other.

    A model of several losses is left as it is: which output is whose is not known here.
    """
    logits = recipe.objective.get("loss.from_logits") is True
    if not logits or last_activation(recipe.architecture) != "linear":
        return ""
    loss = str(recipe.objective.get("loss")).lower()
    if "binary" in loss:
        return SIGMOID
    return SOFTMAX if "categorical" in loss else ""


def as_probabilities(outputs: Sequence[np.ndarray], activation: str) -> list[np.ndarray]:
    """Outputs behind an activation, in their own dtype; as they are where there is none."""
    apply = {SIGMOID: sigmoid, SOFTMAX: softmax}.get(activation)
    if apply is None:
        return list(outputs)
    return [apply(one).astype(one.dtype) if np.ndim(one) else one for one in outputs]
