"""What hybrids of two trainings say, whoever trains them, and the answer made of it."""

from __future__ import annotations

import base64
import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import NO_TIME, OutOfTime, TransferError
from whydiff.core.findings import Divergence, Explanation, Remedy, Sighting, Zoom
from whydiff.core.hybrids import Coalition, HybridTrainer, StepInputs, Trajectory, TrajectoryPoint
from whydiff.core.pictures import png
from whydiff.core.progress import Progress
from whydiff.core.question import Question
from whydiff.core.recording import Fit
from whydiff.diagnosis.answer import answer
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.gap import classifies
from whydiff.diagnosis.growth import growth
from whydiff.diagnosis.moments import MOST_BYTES, Moments, plan, spread
from whydiff.diagnosis.sources import data_content
from whydiff.diagnosis.trials import Trials, run_trials, untrained
from whydiff.experiments.explain.recorded import final_weights
from whydiff.runner.hybrid_trainer import ProcessHybridTrainer
from whydiff.stats.distances import classes, relative_weight_distance
from whydiff.stats.ulp import APART, is_rounding, max_ulp, relative_distance


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
            if classifies(compared.a.recipe, trials.a.predictions or []):
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


#: Steps from the split on over which a difference is followed.
FOLLOWED = 50
Tensors = Sequence[tuple[str, str, np.ndarray]]


def zoom(
    point: Divergence | None, hybrid_trainer: HybridTrainer, trials: Trials, fit: Fit
) -> Divergence | None:
    """``point`` with the first differing tensor or loss, its ULP and relative size.

    Digests say that a step's weights differ, not which of them. Where both trainings can be
    reproduced bit for bit they were looked at there, or are trained again up to the step;
    elsewhere the point stays. So it is found among steps that no recording digested, too, which
    are those of ``fit``, A's.
    """
    if point is None or not (trials.reproduces_a() and trials.reproduces_b()):
        return point
    if point.since is None and point.phase not in ("forward", "update"):
        return point
    try:
        if point.since is not None:
            return _narrowed(point, hybrid_trainer, trials, fit)
        until = (point.epoch, point.step)
        a, b = (_at_step(hybrid_trainer, trials, side, until) for side in _sides(trials))
    except TransferError:
        return point
    return _loss(point, a, b) if point.phase == "forward" else _weights(point, a, b)


def _sides(trials: Trials) -> tuple[Coalition, Coalition]:
    """The hybrids that are A and B themselves."""
    return frozenset(), frozenset(trials.sources)


def _narrowed(
    point: Divergence, hybrid_trainer: HybridTrainer, trials: Trials, fit: Fit
) -> Divergence:
    """The first step that differs of several that were not digested: both are trained up to the
    last of them, looked at as often on the way as their weights have room, and so on."""
    epochs = np.asarray(fit.step_epochs)
    steps = [(int(e), n - int(np.searchsorted(epochs, e))) for n, e in enumerate(epochs)]
    room = max(3, MOST_BYTES // (4 * max(1, int(fit.notes.get("parameters") or 1))))
    while point.since is not None:
        known = steps[steps.index(point.since) : steps.index((point.epoch, point.step)) + 1]
        chosen = [known[n] for n in spread(len(known), room, None)]
        a, b = (_on_the_way(hybrid_trainer, side, chosen) for side in _sides(trials))
        if not {*chosen} <= {*a} & {*b}:  # its loop is the script's own
            return point
        differing = next((n for n, m in enumerate(chosen) if _differs(a[m], b[m])), None)
        if differing is None:  # only what the last of them was fed
            return replace(point, since=None) if point.phase == "batch" else point
        moment = chosen[differing]
        first = known.index(chosen[differing - 1]) + 1 if differing else 0
        phase = _differs(a[moment], b[moment])
        point = Divergence(*moment, phase, "", since=known[first])
        if known[first] == moment:
            sized = _loss if phase == "forward" else _weights
            point = sized(replace(point, since=None), a[moment], b[moment])
    return point


def _on_the_way(
    hybrid_trainer: HybridTrainer, side: Coalition, moments: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], TrajectoryPoint]:
    """A side at some moments of its training, which is trained up to the last of them."""
    wanted = [(epoch, step, 1) for epoch, step in moments]
    trace = hybrid_trainer.train(side, moments[-1], wanted, weights=False).trace
    return {} if trace is None else {(p.epoch, p.step): p for p in trace.points}


def _differs(a: TrajectoryPoint, b: TrajectoryPoint) -> str:
    """The phase of a step in which two trainings differ after it, "" where they agree."""
    logs = [np.asarray([float(side.logs[n]) for n in sorted(side.logs)]) for side in (a, b)]
    if logs[0].tobytes() != logs[1].tobytes():
        return "forward"
    theirs = b.weights or {}
    unequal = any(
        name not in theirs or value.tobytes() != theirs[name].tobytes()
        for name, value in (a.weights or {}).items()
    )
    return "update" if unequal else ""


def _at_step(
    hybrid_trainer: HybridTrainer, trials: Trials, coalition: Coalition, until: tuple[int, int]
) -> TrajectoryPoint:
    """A side as it was after a step: seen on its way, or trained again up to it."""
    looked = trials.looked.get(trials.side_of(coalition))
    seen = looked.at(until) if looked is not None else None
    if seen is not None and seen.weights is not None:
        return seen
    made = hybrid_trainer.train(coalition, until)
    return TrajectoryPoint(*until, made.logs[0], made.weights)


def _loss(point: Divergence, a: TrajectoryPoint, b: TrajectoryPoint) -> Divergence:
    for name in sorted(a.logs, key=lambda n: n != "loss"):
        x, y = (np.asarray(side.logs.get(name, np.nan), np.float32) for side in (a, b))
        if x.tobytes() != y.tobytes():
            return _sized(replace(point, where="the loss" if name == "loss" else name), x, y)
    return point


def _weights(point: Divergence, a: TrajectoryPoint, b: TrajectoryPoint) -> Divergence:
    theirs = b.weights or {}
    for name, x in (a.weights or {}).items():
        y = theirs.get(name)
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


def look_closer(
    point: Divergence | None, hybrid_trainer: ProcessHybridTrainer, first_epoch: int
) -> Zoom:
    """The step at which two trainings part, tensor by tensor on equal inputs, and its growth.

    Both are trained again up to the step. Then A's program and B's do it from the same weights,
    slots, seed states and batch, all of them A's. ``first_epoch`` is the number of A's first.
    """
    if point is None or point.phase in ("log", "end"):
        why = "no step of the trainings differs, only what is reported or how long they go on"
        return Zoom(0, 0, failure=why)
    moment = (point.epoch, point.step)
    if point.phase == "before training":
        moment = (first_epoch, 0)
    try:
        a = hybrid_trainer.look("a", moment, FOLLOWED)
        b = hybrid_trainer.look("b", moment, FOLLOWED, a.inputs)
    except (TransferError, WhydiffError) as why:
        return Zoom(*moment, failure=str(why))
    seen = matched(a.seen, b.seen)
    inputs = matched(_tensors(a.inputs), _tensors(b.inputs))
    unequal = tuple(s for s in seen if s is not None)
    went_in = tuple(s for s in inputs if s is not None)
    grown = growth(a.trail, b.trail, all(s.rounding for s in (*went_in, *unequal)))
    notes = dict.fromkeys([*a.notes, *b.notes])
    return Zoom(
        *moment,
        inputs=went_in,
        different=unequal,
        equal=sum(s is None for s in seen),
        growth=grown._asdict(),
        notes=tuple(notes),
    )


def _tensors(inputs: StepInputs) -> Tensors:
    tensors = [
        (group, name, value)
        for group in ("weights", "noise", "state")
        for name, value in inputs.values.get(group, {}).items()
    ]
    return tensors + [
        ("batch", f"part {n + 1} of the batch", leaf)
        for n, leaf in enumerate(inputs.leaves)
        if leaf is not None
    ]


def matched(a: Tensors, b: Tensors) -> list[Sighting | None]:
    """Each tensor of A with its counterpart in B: None where they are equal bit for bit.

    Equal names pair; between them tensors of one phase and shape pair in their order, so that
    layers called otherwise, as in another version of a script or of Keras, still meet. In the
    order of A; what only B has comes where B has it.
    """
    matcher = SequenceMatcher(None, [t[:2] for t in a], [t[:2] for t in b], autojunk=False)
    found: list[Sighting | None] = []
    for _, i1, i2, j1, j2 in matcher.get_opcodes():
        left, right = list(a[i1:i2]), list(b[j1:j2])
        kinds_a = [(t[0], t[2].shape) for t in left]
        kinds_b = [(t[0], t[2].shape) for t in right]
        inner = SequenceMatcher(None, kinds_a, kinds_b, autojunk=False)
        for tag, k1, k2, l1, l2 in inner.get_opcodes():
            if tag == "equal":
                pairs = zip(left[k1:k2], right[l1:l2], strict=True)
                found += [_sighting(x[0], x[1], x[2], y[2]) for x, y in pairs]
                continue
            found += [Sighting(phase, name, only="a") for phase, name, _ in left[k1:k2]]
            found += [Sighting(phase, name, only="b") for phase, name, _ in right[l1:l2]]
    return found


def _sighting(phase: str, name: str, x: np.ndarray, y: np.ndarray) -> Sighting | None:
    if x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes():
        return None
    whole = x.dtype.kind in "iu" and y.dtype.kind in "iu"
    if whole and np.array_equal(x, y):  # a count, which another backend keeps in another width
        return None
    if x.shape != y.shape or {x.dtype.kind, y.dtype.kind} & set("SUO"):
        return Sighting(phase, name)
    ulp, relative = max_ulp(x, y), relative_distance(x, y)
    # The coarser type decides what rounding is.
    rounding = is_rounding(relative, x.dtype) or is_rounding(relative, y.dtype)
    return Sighting(
        phase,
        name,
        None if ulp is None or ulp == APART else int(ulp),
        float(relative) if np.isfinite(relative) else None,
        bool(rounding),
    )
