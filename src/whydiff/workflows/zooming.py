"""The first step that differs, looked at: both trained up to it again, tensors compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from whydiff.analysis.ulp import APART, max_ulp, relative_distance
from whydiff.core.feeding import Untransplantable
from whydiff.core.findings import Divergence
from whydiff.workflows.trials import Trials
from whydiff.workflows.workshop import Trained, Workshop


def zoom(point: Divergence | None, workshop: Workshop, trials: Trials) -> Divergence | None:
    """``point`` with the first differing tensor or loss, its ULP and relative size.

    Digests say that a step's weights differ, not which of them. Where both trainings can be
    reproduced bit for bit they are trained again up to the step; elsewhere the point stays.
    """
    if point is None or point.phase not in ("forward", "update"):
        return point
    if not (trials.reproduces_a() and trials.reproduces_b()):
        return point
    until = (point.epoch, point.step)
    try:
        a = workshop.train(frozenset(), until)
        b = workshop.train(frozenset(trials.sources), until)
    except Untransplantable:
        return point
    return _loss(point, a, b) if point.phase == "forward" else _weights(point, a, b)


def _loss(point: Divergence, a: Trained, b: Trained) -> Divergence:
    for name in sorted(a.logs[0], key=lambda n: n != "loss"):
        x, y = (np.float32(side.logs[0].get(name, np.nan)) for side in (a, b))
        if x.tobytes() != y.tobytes():
            return _sized(replace(point, where="the loss" if name == "loss" else name), x, y)
    return point


def _weights(point: Divergence, a: Trained, b: Trained) -> Divergence:
    for name, x in a.weights.items():
        y = b.weights.get(name)
        if y is not None and x.shape == y.shape and x.tobytes() != y.tobytes():
            return _sized(replace(point, where=name), x, y)
    return point


def _sized(point: Divergence, x: np.ndarray, y: np.ndarray) -> Divergence:
    ulp, relative = max_ulp(np.asarray(x), np.asarray(y)), relative_distance(x, y)
    return replace(
        point,
        max_ulp=None if ulp == APART else ulp,
        relative=relative if np.isfinite(relative) else None,
    )
