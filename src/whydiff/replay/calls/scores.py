"""A score computed from predictions, computed again under other rules."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import keras
import numpy as np

from whydiff.core.digests import row_keys
from whydiff.core.feeding import TransferError
from whydiff.core.live import LiveCall
from whydiff.keras_backend import adapter
from whydiff.replay.calls.hybrids import CallHybrids, Fields, columns

AGAIN = "again"
ALIGNED = "labels in the order of the predictions"
CUT_AT_HALF, CUT_AT_ZERO = "outputs cut at 0.5", "outputs cut at 0"
BY_CLASS = "class of the largest output"


def rescored(evaluate: LiveCall, score: LiveCall, reads: LiveCall, metric: str) -> dict[str, float]:
    """The score by rule. ``again``: as the script did, the control. The others say what the score
    is with the labels that belong to the predictions, and what evaluate's metric is when the
    outputs are cut elsewhere. Raises TransferError where it cannot be computed again.
    """
    del metric
    predicted, labels = _given(score)
    function = _function(score)
    found = {AGAIN: function(labels, predicted)}
    aligned = _aligned_labels(evaluate, reads)
    if aligned is not None and len(aligned) == len(labels):
        fitting = _as(aligned, labels)
        found[ALIGNED] = function(fitting, predicted)
        outputs = CallHybrids({"a": reads, "b": reads}, Fields()).again("a").outputs
        found |= _accuracies(np.asarray(outputs[0]), fitting)
    return {name: float(value) for name, value in found.items() if value is not None}


def _given(score: LiveCall) -> tuple[np.ndarray, np.ndarray]:
    if not score.fed:
        raise TransferError("what the score was given was too large to keep")
    x, y = score.fed[0][:2]
    return np.asarray(x), np.asarray(y)


def _function(score: LiveCall) -> Callable[[np.ndarray, np.ndarray], float]:
    told = score.call.score
    if told is None:
        raise TransferError("it is no score")
    found = score.function
    if found is None:
        module, _, name = told.function.rpartition(".")
        try:
            found = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise TransferError(f"there is no {told.function}") from error
    settings = dict(score.arguments or told.settings)

    def computed(labels: np.ndarray, predicted: np.ndarray) -> float:
        if isinstance(found, type):  # a metric or loss of Keras
            made = found(**settings)
            if isinstance(made, keras.metrics.Metric):
                made.update_state(labels, predicted)
                return float(adapter().to_numpy(made.result()))
            return float(adapter().to_numpy(made(labels, predicted)))
        return float(np.mean(np.asarray(adapter().to_numpy(found(labels, predicted, **settings)))))

    return computed


def _aligned_labels(evaluate: LiveCall, reads: LiveCall) -> np.ndarray | None:
    """Labels of the predicted rows as evaluate was given them with the same rows."""
    if evaluate.fed is None or reads.fed is None or len(evaluate.fed[0]) < 2:
        return None
    inputs = columns([(batch[0],) for batch in evaluate.fed])
    labels = columns([(batch[1],) for batch in evaluate.fed])[0]
    predicted = columns([(batch[0],) for batch in reads.fed])
    places: dict[bytes, list[int]] = {}
    for i, key in enumerate(row_keys(inputs)):
        places.setdefault(key, []).append(i)
    found = []
    for key in row_keys(predicted):
        if not places.get(key):
            return None
        found.append(places[key].pop(0))
    aligned: np.ndarray = labels[found]
    return aligned


def _as(labels: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Labels in the form in which the score was given its own: classes, or one column."""
    if labels.ndim == 2 and like.ndim == 1:
        labels = labels.argmax(1) if labels.shape[1] > 1 else labels[:, 0]
    if labels.ndim == 1 and like.ndim == 2 and like.shape[1] == 1:
        labels = labels[:, None]
    return labels.astype(like.dtype) if like.dtype.kind in "iufb" else labels


def _accuracies(outputs: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    flat = labels.reshape(len(labels), -1)
    if flat.shape[1] != 1:
        return {}
    truth = flat[:, 0]
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        return {BY_CLASS: float(np.mean(outputs.argmax(1) == truth))}
    column = outputs.reshape(len(outputs), -1)[:, 0]
    return {
        CUT_AT_HALF: float(np.mean((column > 0.5) == (truth > 0.5))),
        CUT_AT_ZERO: float(np.mean((column > 0.0) == (truth > 0.5))),
    }
