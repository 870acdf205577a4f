"""What hybrids of two trainings say, whoever trains them, and the answer made of it."""

from __future__ import annotations

import base64
import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import NO_TIME, OutOfTime, TransferError
from whydiff.core.findings import Divergence, Explanation, Remedy, Zoom
from whydiff.core.hybrids import Trajectory
from whydiff.core.pictures import png
from whydiff.core.progress import Progress
from whydiff.core.question import Question
from whydiff.diagnosis.answer import answer
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.moments import Moments, plan
from whydiff.diagnosis.sources import data_content
from whydiff.diagnosis.trials import Trials, run_trials, untrained
from whydiff.experiments.explain.recorded import final_weights
from whydiff.experiments.explain.zoom import look_closer, zoom
from whydiff.runner.hybrid_trainer import ProcessHybridTrainer
from whydiff.stats.distances import classes, relative_weight_distance


@dataclass(frozen=True)
class HybridResults:
    """What hybrids say, where the two diverge as far as they show it, and what was looked at."""

    compared: ComparedSides
    trials: Trials
    point: Divergence | None
    closer: Zoom | None = None
    disagreements: Sequence[Mapping[str, Any]] | None = None


def hybrid_results(
    compared: ComparedSides,
    prepare: Callable[[], ProcessHybridTrainer],
    recordings: tuple[Path, Path],
    question: Question,
    progress: Progress,
) -> HybridResults:
    """Hybrids trained and looked at; where that fails, what the recordings alone can say.

    ``prepare`` gives who trains them.
    """
    point, closer, shown = compared.diff.first_divergence, None, None
    deadline = None if question.budget is None else time.monotonic() + question.budget
    try:
        if question.budget == 0:
            raise OutOfTime
        hybrid_trainer = prepare()
        moments = plan(compared.a.fit, compared.b.fit, point)
        trials = run_trials(hybrid_trainer, compared.movable(), question.budget, progress, moments)
        compared = _with_values_compared(compared, hybrid_trainer)
        with contextlib.suppress(OutOfTime):
            point = zoom(point, hybrid_trainer, trials, compared.a.fit)
            shown = disagreements(trials, hybrid_trainer)
        if question.zoom and deadline is not None and time.monotonic() > deadline:
            closer = Zoom(0, 0, failure=NO_TIME)
        elif question.zoom:
            progress.step("looking at the step of the first divergence, tensor by tensor")
            first = int(compared.a.recipe.duration.get("initial_epoch") or 0)
            closer = look_closer(point, hybrid_trainer, first)
    except (WhydiffError, TransferError) as why:
        weights = (
            final_weights(recordings[0], compared.a.fit.last),
            final_weights(recordings[1], compared.b.fit.last),
        )
        trials = untrained(compared, str(why).partition("\n")[0], weights)
    return HybridResults(compared, trials, point, closer, shown)


def _with_values_compared(
    compared: ComparedSides, hybrid_trainer: ProcessHybridTrainer
) -> ComparedSides:
    """The two sides with what the values of samples that differ say, which no recording holds."""
    if data_content.ID not in compared.differing:
        return compared
    related = hybrid_trainer.related()
    findings = tuple(
        data_content.by_values(f, compared.a.recipe, related.kinds, related.texts)
        if f.source == data_content.ID
        else f
        for f in compared.findings
    )
    return replace(compared, diff=replace(compared.diff, findings=findings))


def answer_from(results: HybridResults, remedy: Remedy | None, metric: str | None) -> Explanation:
    """The answer, with what was looked at."""
    steps = trajectory(results.trials)
    explanation = answer(results.compared, results.trials, remedy, metric, results.point, steps)
    evidence = dict(explanation.evidence)
    if results.disagreements:
        evidence["disagreements"] = results.disagreements
    return replace(explanation, zoom=results.closer, evidence=evidence)


# --- the examples on which two trained models disagree most, to be looked at ------------------


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


# --- the trajectories of two trainings: losses and the distance of the weights, step by step ---


def trajectory(trials: Trials) -> dict[str, Any] | None:
    """Columns by moment of A and B trained again; None where that gave others than A and B."""
    if trials.moments is None or not (trials.reproduces_a() and trials.reproduces_b()):
        return None
    a, b = trials.looked.get("a"), trials.looked.get("b")
    return None if a is None or b is None else trace(trials.moments, a, b)


def trace(moments: Moments, a: Trajectory, b: Trajectory) -> dict[str, Any]:
    """Columns of equal length: ``x``, ``epoch``, losses of ``a`` and ``b``, ``distance``.

    The distance is that of :func:`relative_weight_distance`; None where it was not measured. 0.0
    means equal numbers. ``divergence`` is the place on ``x``.
    """
    columns: dict[str, list[float | None]] = {"a": [], "b": [], "distance": []}
    for one, other in zip(moments.a, moments.b, strict=True):
        columns["a"].append(a.loss(one))
        columns["b"].append(b.loss(other))
        columns["distance"].append(_distance(a.weights(one), b.weights(other)))
    return {
        "unit": moments.unit,
        "x": list(moments.x),
        "epoch": [
            next((m[0] for m in pair if m is not None), -1)
            for pair in zip(moments.a, moments.b, strict=True)
        ],
        **columns,
        "divergence": moments.divergence,
    }


def _distance(
    one: Mapping[str, np.ndarray] | None, other: Mapping[str, np.ndarray] | None
) -> float | None:
    if one is None or other is None:
        return None
    distance = relative_weight_distance(one, other)
    return distance if math.isfinite(distance) else None
