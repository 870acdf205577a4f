"""How far two trainings are apart in the end."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from whydiff.core.errors import WhydiffError
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.trials import Trials
from whydiff.stats.distances import churn, relative_weight_distance
from whydiff.stats.intervals import proportion


def gap(compared: ComparedSides, trials: Trials | None, metric: str | None) -> dict[str, Any]:
    """Both values of one metric, how many predictions differ, how far the weights are apart."""
    logs_a, logs_b = (
        dict(side.fit.epochs[-1].logs) if side.fit.epochs else {}
        for side in (compared.a, compared.b)
    )
    name = _metric(logs_a, logs_b, metric)
    told: dict[str, Any] = {
        "metric": name,
        "a": logs_a.get(name),
        "b": logs_b.get(name),
        "predictions_differ": 0.0,
        "relative_weight_distance": 0.0,
    }
    if trials is not None:
        if trials.a.predictions is not None and trials.b.predictions is not None:
            told["predictions_differ"] = churn(trials.a.predictions, trials.b.predictions)
            told["samples"] = len(trials.a.predictions[0]) if trials.a.predictions else 0
            told["interval"] = _interval(trials.a.predictions, told["predictions_differ"])
        else:
            told["predictions_differ"] = None
        told["relative_weight_distance"] = _finite(
            relative_weight_distance(trials.a.weights, trials.b.weights)
        )
    return told


def _interval(predictions: list[np.ndarray], share: float) -> list[float] | None:
    """95 % interval of the share over samples; None where a sample has several answers."""
    if len(predictions) != 1 or predictions[0].ndim > 2:
        return None
    n = len(predictions[0])
    estimate = proportion(round(share * n), n)
    return [estimate.low, estimate.high] if estimate.known else None


def _metric(logs_a: dict[str, float], logs_b: dict[str, float], wanted: str | None) -> str:
    common = [name for name in logs_a if name in logs_b]
    if wanted is not None:
        if wanted not in common:
            raise WhydiffError(
                f"--metric {wanted!r} was not logged by both fits",
                f"Logged by both: {', '.join(common) or 'nothing'}.",
            )
        return wanted
    telling = [n for n in common if not n.endswith("loss") and n != "learning_rate"]
    validated = [n for n in telling if n.startswith("val_")]
    return (validated or telling or common or ["loss"])[0]


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 1.0
