"""Predictions and evaluations as a lock keeps them, and compared with those of today."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from whydiff.core.calls import MeasuringCall, Output
from whydiff.core.digests import ordered_digest, tensor_digest
from whydiff.core.lock import LockedCall, LockedOutput
from whydiff.core.verification import FAILS, HOLDS, UNKNOWN, CallCheck, FitCheck
from whydiff.core.words import number
from whydiff.stats.sketch import sketch, sketch_distance
from whydiff.stats.ulp import is_rounding

#: Calls that one line makes are kept up to so many, and in all.
PER_LINE, MOST = 3, 40

State = tuple[str, str]


def reduced_calls(calls: Sequence[MeasuringCall]) -> tuple[LockedCall, ...]:
    """What a lock keeps of the calls of an execution that ended as they should."""
    seen: Counter[tuple[object, ...]] = Counter()
    kept = []
    for call in calls:
        place = (call.kind, tuple((f.file, f.line) for f in call.stack))
        seen[place] += 1
        if call.finished and seen[place] <= PER_LINE:
            kept.append(reduced_call(call))
    return tuple(kept[:MOST])


def reduced_call(call: MeasuringCall) -> LockedCall:
    """One call as a lock keeps it."""
    rows = [ordered_digest(leaf.rows) for leaf in call.recipe.inputs.leaves]
    return LockedCall(
        number=call.number,
        kind=call.kind,
        model=call.model,
        line=call.line,
        inputs=_together(rows),
        weights=_together([tensor.digest for tensor in call.recipe.weights]),
        values=dict(call.values),
        outputs=tuple(map(_output, call.outputs)),
        surroundings={**call.recipe.backend, **call.recipe.version},
    )


def changed_surroundings(locked: Sequence[LockedCall], now: Sequence[LockedCall]) -> list[str]:
    """Backend and versions that changed: ``keras: 3.14.0, now 3.15.1``."""
    found: dict[str, None] = {}
    for then, these in zip(locked, now, strict=False):
        for name in dict.fromkeys([*then.surroundings, *these.surroundings]):
            one, other = then.surroundings.get(name), these.surroundings.get(name)
            if one != other:
                found[f"{name}: {one}, now {other}"] = None
    return list(found)


def _output(output: Output) -> LockedOutput:
    values = output.values
    return LockedOutput(
        output.name,
        output.dtype,
        tuple(output.shape),
        ordered_digest(output.rows),
        None if values is None else sketch([values]),
    )


def _together(digests: Sequence[str]) -> str:
    joined = bytes.fromhex("".join(digests))
    return tensor_digest(np.frombuffer(joined, np.uint8)) if digests else ""


def check_calls(
    locked: Sequence[LockedCall], now: Sequence[LockedCall], fits: Sequence[FitCheck]
) -> tuple[CallCheck, ...]:
    """Every locked call against the one in its place. Where trainings of the script decide the
    weights, a call whose weights moved holds as far as the worst of these."""
    return tuple(_check(then, these, fits) for then, these in zip(locked, now, strict=False))


def _check(then: LockedCall, now: LockedCall, fits: Sequence[FitCheck]) -> CallCheck:
    relative, dtype = _distance(then, now)
    metrics = {
        name: (then.values.get(name), now.values.get(name))
        for name in dict.fromkeys([*then.values, *now.values])
    }
    levels = _levels(then, now, relative, dtype, fits)
    return CallCheck(then.number, then.kind, then.model, now.line, levels, relative, metrics)


def _levels(
    then: LockedCall, now: LockedCall, relative: float, dtype: str, fits: Sequence[FitCheck]
) -> dict[str, State]:
    if _same(then, now):
        return {
            "bitwise": (HOLDS, "the same outputs, bit for bit"),
            "rounding": (HOLDS, "follows"),
            "statistical": (HOLDS, "follows"),
        }
    weights = then.weights != now.weights
    rounding = _rounding(then, now, relative, dtype, weights)
    statistical: State = (HOLDS, "follows") if rounding[0] == HOLDS else rounding
    if weights and fits and then.inputs == now.inputs and then.kind == now.kind:
        rounding, statistical = (_of_fits(fits, level) for level in ("rounding", "statistical"))
    return {"bitwise": (FAILS, "the bits differ"), "rounding": rounding, "statistical": statistical}


def _rounding(
    then: LockedCall, now: LockedCall, relative: float, dtype: str, weights: bool
) -> State:
    if then.kind != now.kind:
        return FAILS, f"a call of {then.kind} is locked, this is one of {now.kind}"
    if then.inputs != now.inputs:
        return FAILS, "other samples were fed"
    if weights:
        return FAILS, "the model has other weights"
    if not math.isfinite(relative):
        return FAILS, "outputs of another shape, or values that were not kept"
    said = f"the results moved by {number(relative)} (relative)"
    if is_rounding(relative, np.dtype(dtype)):
        return HOLDS, f"the same weights and samples; {said}"
    return FAILS, f"{said}, with the same weights and samples"


def _of_fits(fits: Sequence[FitCheck], level: str) -> State:
    states = [fit.levels[level][0] for fit in fits]
    worst = next((s for s in (FAILS, UNKNOWN) if s in states), HOLDS)
    return worst, "its weights moved with the trainings of the script, which are judged above"


def _same(then: LockedCall, now: LockedCall) -> bool:
    if (then.kind, then.inputs) != (now.kind, now.inputs):
        return False
    if then.kind == "built":
        return then.weights == now.weights
    outputs = [[(o.shape, o.dtype, o.digest) for o in c.outputs] for c in (then, now)]
    return outputs[0] == outputs[1] and _equal(then, now)


def _equal(then: LockedCall, now: LockedCall) -> bool:
    return then.values.keys() == now.values.keys() and all(
        a == now.values[name] or (math.isnan(a) and math.isnan(now.values[name]))
        for name, a in then.values.items()
    )


def _distance(then: LockedCall, now: LockedCall) -> tuple[float, str]:
    """(relative distance of the results, the coarsest dtype of the outputs)."""
    found, dtype = [0.0], "float32"
    if then.values.keys() != now.values.keys() or len(then.outputs) != len(now.outputs):
        return math.inf, dtype
    for name, a in then.values.items():
        scale = max(abs(a), abs(now.values[name]))
        found.append(abs(a - now.values[name]) / scale if scale and math.isfinite(scale) else 0.0)
    for one, other in zip(then.outputs, now.outputs, strict=True):
        if one.digest == other.digest and one.shape == other.shape:
            continue
        if one.sketch is None or other.sketch is None or one.dtype != other.dtype:
            return math.inf, dtype
        scale = max(one.sketch.norm, other.sketch.norm)
        found.append(sketch_distance(one.sketch, other.sketch) / scale if scale else 0.0)
        dtype = "float16" if one.dtype == "float16" else dtype
    return max(found), dtype
