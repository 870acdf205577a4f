"""The examples on which two trained models disagree most, to be looked at."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from whydiff.core.pictures import png
from whydiff.diagnosis.trials import Trials
from whydiff.runner.hybrid_trainer import ProcessHybridTrainer
from whydiff.stats.distances import classes

#: examples that are kept
MOST = 12


def disagreements(trials: Trials, hybrid_trainer: ProcessHybridTrainer) -> list[dict[str, Any]]:
    """Examples whose predicted class differs, the furthest apart first; [] if there are none.

    Each has ``example`` (position in the predicted samples), the classes ``a`` and ``b``, the
    ``distance`` of the two predictions and, where it is an image, ``picture`` (PNG in base64).
    """
    a, b = trials.a.predictions, trials.b.predictions
    if not a or not b or a[0].shape != b[0].shape or a[0].ndim not in (1, 2):
        return []
    one, other = (np.asarray(p[0], np.float64).reshape(len(p[0]), -1) for p in (a, b))
    if one.shape[1] == 1 and not all(((p >= 0) & (p <= 1)).all() for p in (one, other)):
        return []  # numbers outside 0 to 1: nothing is classified
    labels = [classes(p) for p in (one, other)]
    distance = np.sqrt(np.mean(np.square(np.nan_to_num(one - other)), axis=1))
    differ = np.flatnonzero(labels[0] != labels[1])
    chosen = [int(i) for i in differ[np.argsort(-distance[differ], kind="stable")][:MOST]]
    if not chosen:
        return []
    images = hybrid_trainer.pictures(chosen)
    return [
        {
            "example": i,
            "a": int(labels[0][i]),
            "b": int(labels[1][i]),
            "distance": float(distance[i]),
            **_picture(images.get(i)),
        }
        for i in chosen
    ]


def _picture(image: np.ndarray | None) -> dict[str, str]:
    return {} if image is None else {"picture": base64.b64encode(png(image)).decode("ascii")}
