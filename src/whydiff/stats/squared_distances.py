"""Squared distances between two trainings, whose expectations add up like variances.

One estimator (:mod:`whydiff.stats.effects`) serves them all. The share of changed classes is
already a squared distance: half the squared Euclidean distance of one-hot vectors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from whydiff.stats.distances import Predictions, churn, prediction_distance


def metric(a: float, b: float) -> float:
    """Squared difference; NaN if either training ended without a finite number."""
    return (a - b) ** 2 if math.isfinite(a) and math.isfinite(b) else math.nan


def classes(a: Predictions, b: Predictions) -> float:
    """Share of samples whose predicted class differs."""
    return churn(a, b)


def outputs(a: Predictions, b: Predictions) -> float:
    """Mean squared difference of the predictions themselves, for regression too."""
    distance = prediction_distance(a, b)
    return distance**2 if math.isfinite(distance) else math.nan


def weights(a: Mapping[str, np.ndarray], b: Mapping[str, np.ndarray]) -> float:
    """Squared Euclidean distance over all weights of equal path; NaN if one is not finite.

    Not relative to their norm: the ratio of two expectations takes care of the scale. Raises
    ValueError if paths or shapes differ, for such trainings have no distance.
    """
    if {k: np.shape(v) for k, v in a.items()} != {k: np.shape(v) for k, v in b.items()}:
        raise ValueError("the two trainings have other weights")
    total = 0.0
    for path in a:
        gap = np.asarray(a[path], np.float64).ravel() - np.asarray(b[path], np.float64).ravel()
        total += float(np.dot(gap, gap))
    return total if math.isfinite(total) else math.nan
