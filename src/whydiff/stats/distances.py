"""How far apart two trained models are, by their predictions and by their weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from whydiff.stats.ulp import pieces

#: One output, or several as a list or by name.
Predictions = np.ndarray | Sequence[Any] | Mapping[str, Any]


def prediction_distance(a: Predictions, b: Predictions) -> float:
    """Root mean square of the differences over all entries of all outputs.

    An entry that is NaN (or the same infinity) in both counts 0; one that is NaN or infinite in
    only one counts 1. Computed in float64 whatever the dtype. No entries at all give 0.0. Other
    numbers or shapes of outputs give ``math.inf``: such predictions have no distance, and a
    caller that needs a finite number has to decide what they are worth.
    """
    outputs_a, outputs_b = _outputs(a), _outputs(b)
    if [x.shape for x in outputs_a] != [x.shape for x in outputs_b]:
        return math.inf
    total, count = 0.0, 0
    for x, y in zip(outputs_a, outputs_b, strict=True):
        gap = _gaps(x, y)
        total += float(np.dot(gap, gap))
        count += gap.size
    return math.sqrt(total / count) if count else 0.0


def churn(a: Predictions, b: Predictions) -> float:
    """Share of samples whose predicted class (:func:`classes`) differs, from 0 to 1.

    With further axes (pixels, time steps) every position counts. Several outputs are averaged.
    Other shapes give 1.0, no samples 0.0.
    """
    outputs_a, outputs_b = _outputs(a), _outputs(b)
    if [x.shape for x in outputs_a] != [x.shape for x in outputs_b]:
        return 1.0
    shares = [
        float(np.mean(classes(x) != classes(y)))
        for x, y in zip(outputs_a, outputs_b, strict=True)
        if x.size
    ]
    return sum(shares) / len(shares) if shares else 0.0


def relative_weight_distance(a: Mapping[str, np.ndarray], b: Mapping[str, np.ndarray]) -> float:
    """Euclidean distance of all weights over the larger of both norms, from 0 to 2.

    Tensors pair by key; if no key is common and the shapes agree in order, by position. Tensors
    without a partner of equal shape are left out; ``math.inf`` if none is left. Entries that are
    NaN or infinite in one only count as different by 1.
    """
    pairs = [(a[k], b[k]) for k in a if k in b and np.shape(a[k]) == np.shape(b[k])]
    if not set(a) & set(b) and [np.shape(v) for v in a.values()] == [
        np.shape(v) for v in b.values()
    ]:
        pairs = list(zip(a.values(), b.values(), strict=True))
    if not pairs:
        return 0.0 if not a and not b else math.inf
    gap = norm_a = norm_b = 0.0
    for one, two in pairs:
        for part, other in pieces(np.asarray(one), np.asarray(two)):
            x, y = part.astype(np.float64), other.astype(np.float64)
            gap += float(np.square(_gaps(x, y)).sum())
            x, y = (np.nan_to_num(v, nan=0.0, posinf=0.0, neginf=0.0) for v in (x, y))
            norm_a += float(np.square(x).sum())
            norm_b += float(np.square(y).sum())
    norm = math.sqrt(max(norm_a, norm_b))
    if norm == 0.0:
        return 0.0 if gap == 0.0 else math.inf
    return math.sqrt(gap) / norm


def _outputs(predictions: Any) -> list[np.ndarray]:
    return list(_flattened(predictions))


def _flattened(predictions: Any) -> Iterator[np.ndarray]:
    if isinstance(predictions, Mapping):
        for key in sorted(predictions):
            yield from _flattened(predictions[key])
    elif isinstance(predictions, list | tuple):
        for part in predictions:
            yield from _flattened(part)
    else:
        yield np.asarray(predictions).astype(np.float64)


def _gaps(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Absolute differences, flat; 1 where just one is not finite, 0 where both are so alike."""
    x, y = x.ravel(), y.ravel()
    finite = np.isfinite(x) & np.isfinite(y)
    gap = np.zeros(x.shape, np.float64)
    np.subtract(x, y, out=gap, where=finite)
    alike = (x == y) | (np.isnan(x) & np.isnan(y))
    gap[~finite & ~alike] = 1.0
    return np.abs(gap)


def classes(x: np.ndarray) -> np.ndarray:
    """Predicted classes of one output: all its axes but the last.

    The class is the argmax over the last axis, or above 0.5 where that axis has length 1 or is
    the only one; a prediction that holds a NaN is a class of its own, -1.
    """
    if x.ndim == 0:
        x = x.reshape(1)
    if x.ndim == 1:
        x = x[:, None]
    undefined = np.isnan(x).any(axis=-1)
    classes = x.argmax(axis=-1) if x.shape[-1] > 1 else (x[..., 0] > 0.5).astype(np.int64)
    return np.where(undefined, -1, classes)
