"""Direct calls of a model that are the steps of a loop of the script's own, which trains it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from whydiff.core.calls import MeasuringCall
from whydiff.core.findings import Excluded
from whydiff.core.recording import Execution
from whydiff.core.words import count
from whydiff.diagnosis.calls.verdict import Verdict
from whydiff.diagnosis.mechanisms import mechanism

#: Mechanism of weights that a loop of the script's own has changed.
UNWATCHED = "trained-by-unwatched-loop"
#: Where weights come from that steps of a training have moved, watched or not.
TRAINED = frozenset({"trained", "unwatched"})
#: What a call that measures has of its own, and a loop before it had otherwise.
OF_THE_LOOP = ("data-order", "data-content", "noise", "batch-size")


def training_steps(calls: Sequence[MeasuringCall]) -> set[int]:
    """Direct calls behind which the trainable weights of their model had moved by the next such
    call. (BatchNormalization called in training mode moves its averages, and trains nothing.)"""
    return _while_moving([call for call in calls if call.kind == "call"])


def asked_in_training(calls: Sequence[MeasuringCall]) -> set[int]:
    """Predictions from lines that a loop comes by while it trains their model, step by step or fit
    by fit: what a step is computed from, or how far the training has come."""
    asked = [call for call in calls if call.kind in ("call", "predict")]
    return _while_moving(asked, by=TRAINED)


def _while_moving(calls: Sequence[MeasuringCall], by: frozenset[str] | None = None) -> set[int]:
    """Calls from places to which their model came again with other trainable weights: whatever
    moved them, or origins of these kinds."""
    places: dict[tuple[object, ...], list[MeasuringCall]] = {}
    for call in calls:
        places.setdefault(_place(call), []).append(call)
    found: set[int] = set()
    for group in places.values():
        moved = (b for a, b in pairwise(group) if _trainable(a) != _trainable(b))
        if any(by is None or by & {o.kind for o in call.recipe.origins} for call in moved):
            found |= {call.number for call in group}
    return found


def _place(call: MeasuringCall) -> tuple[object, ...]:
    return call.model_number, tuple((f.file, f.line) for f in call.stack)


def _trainable(call: MeasuringCall) -> list[str]:
    return [t.digest for t in call.recipe.weights if t.role == "trainable"]


def fed_in_another_order(
    verdict: Verdict, a: MeasuringCall, b: MeasuringCall, runs: tuple[Execution, Execution]
) -> Verdict:
    """The verdict on a step of a loop that two runs were fed otherwise, where all steps together
    were fed the same samples: their order differs, not the samples."""
    loops = [_steps_with(call, run) for call, run in zip((a, b), runs, strict=True)]
    n = min(map(len, loops))
    fed = [_distinct(loop[:n]) for loop in loops]
    size = max(len(call.recipe.inputs.rows("x")) for call in (a, b))
    others = any(cause.source == "data-content" for cause in verdict.causes)
    if not others or fed[0] != fed[1] or len(fed[0]) <= size:
        return verdict
    what = f"the same {len(fed[0])} samples"
    steps = f"the {count(n, 'step')} of this loop that {'were' if n > 1 else 'was'} watched"
    text = f"{what} in another order over {steps}"
    known = mechanism("pipeline-shuffle")
    causes = [
        replace(
            cause, source="data-order", detail=text, evidence=f"{text}; {cause.evidence}",
            remedy=known.remedy, mechanism=known.id,
        )
        if cause.source == "data-content"
        else cause
        for cause in verdict.causes
    ]  # fmt: skip
    return replace(
        verdict,
        causes=tuple(causes),
        excluded=(Excluded("data-content", f"{what} over {steps}"), *verdict.excluded),
        unknown=tuple(u for u in verdict.unknown if u.source != "data-order"),
    )


def _steps_with(call: MeasuringCall, run: Execution) -> list[MeasuringCall]:
    """The steps of the loop that a call belongs to, [] where it trains nothing."""
    if call.number not in training_steps(run.calls):
        return []
    return [one for one in run.calls if one.kind == "call" and _place(one) == _place(call)]


def _distinct(steps: Sequence[MeasuringCall]) -> set[bytes]:
    """Digests of the samples that steps were fed; none where batches were not cut into samples."""
    if not steps or any(step.recipe.inputs.unit != "sample" for step in steps):
        return set()
    rows = np.concatenate([step.recipe.inputs.rows("x") for step in steps])
    return {row.tobytes() for row in rows}


def of_a_loop(verdict: Verdict) -> Verdict:
    """The verdict on weights that a loop nobody watched has trained: what the compared call was
    fed and drew rules out nothing of what that loop was fed and drew."""
    if not any(cause.mechanism == UNWATCHED for cause in verdict.causes):
        return verdict
    unknown = [
        Excluded(e.source, "what a loop that is not watched was fed and drew is not known")
        for e in verdict.excluded
        if e.source in OF_THE_LOOP
    ]
    return replace(
        verdict,
        excluded=tuple(e for e in verdict.excluded if e.source not in OF_THE_LOOP),
        unknown=(*verdict.unknown, *unknown),
    )
