"""How far apart two final results are."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from whydiff.core.calls import MeasuringCall
from whydiff.core.digests import value_digests
from whydiff.core.errors import WhydiffError
from whydiff.core.metrics import default_metric, differing_metrics
from whydiff.core.recipe import Recipe, compiled_metrics
from whydiff.core.recording import Side
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.trials import Trials
from whydiff.stats.distances import churn, prediction_distance, relative_weight_distance
from whydiff.stats.intervals import proportion

#: Losses of models that classify; of others the predictions are numbers in the target's units.
_CLASSIFIES = re.compile(r"crossentropy|cross_entropy|hinge|focal|kl_?div|dice|tversky|ctc|nll")
#: Those of several classes, whose targets may be shares of them.
_SEVERAL = re.compile(r"categorical|kl_?div|ctc|nll")
#: Outputs of a model up to which its targets are looked up among the codes of as many classes.
_MOST_CLASSES = 2048


def gap(compared: ComparedSides, trials: Trials | None, metric: str | None) -> dict[str, Any]:
    """Both values of one metric, how far predictions and weights are apart.

    A classifier has ``predictions_differ``, the share of samples of another class; a regression
    has ``prediction_distance``, the root mean square of the differences in the target's units.
    ``relative_weight_distance`` is that of the trainable weights, ``layers`` that of each layer;
    ``shares_of`` says of which distance the causes have shares: "predictions", "weights", or where
    these agree "logged numbers". Where weights differ and yet every logged number is equal, as
    where the best weights were put back, the metric is one that evaluate gave for the same samples
    afterwards; ``measured_by`` is its line then.
    """
    logs_a, logs_b = (
        dict(side.fit.epochs[-1].logs) if side.fit.epochs else {}
        for side in (compared.a, compared.b)
    )
    common = [name for name in logs_a if name in logs_b]
    if metric is not None and metric not in common:
        raise WhydiffError(
            f"--metric {metric!r} was not logged by both fits",
            f"Logged by both: {', '.join(common) or 'nothing'}.",
        )
    compiled = compiled_metrics(compared.a.recipe)
    name = default_metric(common, metric, compiled, differing_metrics(logs_a, logs_b))
    told: dict[str, Any] = {"metric": name, "a": logs_a.get(name), "b": logs_b.get(name)}
    if metric is None and not compared.same_weights and not differing_metrics(logs_a, logs_b):
        told |= _evaluated(compared)
    values: dict[str, Any] = {
        **told,
        "predictions_differ": 0.0,
        "relative_weight_distance": 0.0,
    }
    if trials is not None:
        values |= _predictions(compared, trials) | _weights(compared, trials)
        values["shares_of"] = "logged numbers" if compared.same_weights else trials.measure
    return values


def _evaluated(compared: ComparedSides) -> dict[str, Any]:
    """What evaluate gave for the models of both right after their trainings, if it differs."""
    pair = [_evaluate_after(side) for side in (compared.a, compared.b)]
    one, other = pair
    if one is None or other is None:
        return {}
    leaves = [call.recipe.inputs.leaves for call in (one, other)]
    same = len(leaves[0]) == len(leaves[1]) and all(
        np.array_equal(p.rows, q.rows) for p, q in zip(*leaves, strict=True)
    )
    differing = differing_metrics(one.values, other.values)
    if not same or not differing:
        return {}
    name = default_metric(list(one.values), None, compiled_metrics(compared.a.recipe), differing)
    told = {"metric": name, "a": one.values[name], "b": other.values[name]}
    return {**told, "measured_by": one.line}


def _evaluate_after(side: Side) -> MeasuringCall | None:
    """The first evaluate of what a fit has trained, before anything trains it further."""
    fit = side.fit
    later = min((f.call for f in side.execution.fits if f.call > fit.call), default=math.inf)
    return next(
        (
            call
            for call in side.execution.calls
            if call.kind == "evaluate" and fit.call < call.number < later and fit.trained(call)
        ),
        None,
    )


def _predictions(compared: ComparedSides, trials: Trials) -> dict[str, Any]:
    a, b = trials.a.predictions, trials.b.predictions
    if a is None or b is None:
        return {"predictions_differ": None}
    samples = len(a[0]) if a else 0
    if not classifies(compared.a.recipe, a):
        distance = prediction_distance(a, b)
        known = distance if math.isfinite(distance) else None
        return {"predictions_differ": None, "prediction_distance": known, "samples": samples}
    share = churn(a, b)
    return {"predictions_differ": share, "samples": samples, "interval": _interval(a, share)}


def classifies(recipe: Recipe, predictions: Sequence[np.ndarray]) -> bool:
    """Whether predictions stand for classes: by the loss, else because they are probabilities.

    Not where the targets are no classes: a rating between 0 and 1 under a binary cross-entropy, or
    the input that an autoencoder gives back.
    """
    loss = json.dumps(recipe.objective.get("loss"), default=str).lower()
    if not _CLASSIFIES.search(loss):
        if re.search(r"squared|absolute|huber|log_?cosh|poisson|\bm[as]p?e\b|\bmsle\b", loss):
            return False
        probabilities = [np.all((p >= 0) & (p <= 1)) for p in predictions if p.size]
        if not probabilities or not all(probabilities):
            return False
    return bool(_SEVERAL.search(loss)) or not _numbers(recipe, predictions)


def _numbers(recipe: Recipe, predictions: Sequence[np.ndarray]) -> bool:
    """Whether targets are seen to be no classes: more than two numbers, or rows not one-hot."""
    content = recipe.data_content
    present = [entry for entry in content.signature if not entry.endswith(": none")]
    if not present or len(content.leaves) != len(present):
        return False
    if not any(entry.startswith("y: ") for entry in present):
        return True
    kinds = [entry.partition(":")[2].partition("(")[2] for entry in present]  # without the dtypes
    targets = [
        (rows, kind in kinds[:i])
        for i, (entry, kind, rows) in enumerate(zip(present, kinds, content.leaves, strict=True))
        if entry.startswith("y: ")
    ]
    if len(targets) != len(predictions):
        return False
    return any(
        _no_classes(rows, output, as_fed)
        for (rows, as_fed), output in zip(targets, predictions, strict=True)
    )


def _no_classes(rows: np.ndarray, output: np.ndarray, as_fed: bool) -> bool:
    """``rows`` are digests of targets; ``as_fed``: they have the shape of an input."""
    width = output[0].size if len(output) else 0
    if width < 2:  # one number for each sample
        return len(np.unique(rows.reshape(-1, 2), axis=0)) > 2
    if output.ndim > 2 or width > _MOST_CLASSES:
        return as_fed
    codes = np.concatenate([value_digests(np.eye(width)), value_digests(np.arange(width))])
    known = {row.tobytes() for row in codes}
    return not all(row.tobytes() in known for row in rows.reshape(-1, 2))


def _weights(compared: ComparedSides, trials: Trials) -> dict[str, Any]:
    """Moving averages and counts are left out: a variance of thousands would be all there is."""
    trainable = {t.path for t in compared.a.fit.final if t.role == "trainable"}
    a, b = trials.a.weights, trials.b.weights
    if not a or not b:  # not known, which is no distance
        return {"relative_weight_distance": None}
    if trainable & set(a):
        trained = [{k: v for k, v in side.items() if k in trainable} for side in (a, b)]
        if relative_weight_distance(*trained):  # else all that differs is what is left out
            a, b = trained
    layers: dict[str, list[str]] = {}
    for path in a:
        layers.setdefault(path.rpartition("/")[0] or path, []).append(path)
    distances = {
        layer: relative_weight_distance(
            {p: a[p] for p in paths}, {p: b[p] for p in paths if p in b}
        )
        for layer, paths in layers.items()
        if any(p in b for p in paths)
    }
    return {
        "relative_weight_distance": finite(relative_weight_distance(a, b)),
        "layers": {layer: finite(distance) for layer, distance in distances.items()},
    }


def _interval(predictions: list[np.ndarray], share: float) -> list[float] | None:
    """95 % interval of the share over samples; None where a sample has several answers."""
    if len(predictions) != 1 or predictions[0].ndim > 2:
        return None
    n = len(predictions[0])
    estimate = proportion(round(share * n), n)
    return [estimate.low, estimate.high] if estimate.known else None


def finite(value: float) -> float:
    """The distance itself; 1 where there is none, as a training went to infinity."""
    return value if math.isfinite(value) else 1.0
