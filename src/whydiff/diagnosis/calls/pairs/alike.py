"""Whether two calls used the same weights, samples or training: read from what was recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from whydiff.core.calls import AFTER_STEPS, WITHIN, MeasuringCall
from whydiff.core.digests import unordered_digest
from whydiff.core.recording import Execution, Fit
from whydiff.diagnosis.calls.loops import training_steps
from whydiff.diagnosis.calls.origins import is_recurrent, tensor_pairs
from whydiff.diagnosis.calls.results import same_result

#: Calls from one line and model that are looked at, and calls in all.
MOST_ALIKE, MOST_CALLS = 3, 60


def one_model(a: MeasuringCall, b: MeasuringCall) -> bool:
    """Whether two calls used one model, or one and a copy of it that holds the same weights."""
    copied = bool(weights_of(a)) and weights_of(a) == weights_of(b)
    return a.model_number == b.model_number or copied


def alike_fed(a: MeasuringCall, b: MeasuringCall) -> bool:
    """Whether two calls were fed arrays of equal kinds: as many, with equally many dimensions."""
    one, two = (call.recipe.inputs.of("x") for call in (a, b))
    return [x.path for x in one] == [y.path for y in two]


def looked_at(calls: Sequence[MeasuringCall]) -> list[MeasuringCall]:
    """Of many calls from one line a few, of those that a callback made within a fit the last; none
    that are steps of a loop that trains."""
    seen: Counter[tuple[object, ...]] = Counter()
    kept = []
    steps = training_steps(calls)
    last = {_place(call): call.number for call in calls if WITHIN in call.notes}
    for call in calls:
        if last.get(_place(call), call.number) != call.number:
            continue
        seen[_place(call)] += 1
        if seen[_place(call)] <= MOST_ALIKE and call.number not in steps and call.finished:
            kept.append(call)
    return kept[:MOST_CALLS]


def _place(call: MeasuringCall) -> tuple[object, ...]:
    where = tuple((f.file, f.line) for f in call.stack)
    return (call.kind, call.model_number, where, call.notes.get(WITHIN))


def weights_of(call: MeasuringCall) -> list[str]:
    return [t.digest for t in call.recipe.weights if not is_recurrent(t.path)]


def trained_weights_of(call: MeasuringCall) -> list[str]:
    """The weights that only a training changes: calls with training=True move averages."""
    known = [t.digest for t in call.recipe.weights if t.role == "trainable"]
    return known if call.recipe.mode.get("training") is True else weights_of(call)


def follows_fit(execution: Execution, call: MeasuringCall, fit: Fit) -> bool:
    """Whether a call used a fit's model before that was trained on."""
    between = [f for f in execution.fits if fit.call < f.call < call.number]
    mine = call.number > fit.call and fit.trained(call)
    return mine and not any(f.trained(call) for f in between)


def nearly_all_of(evaluate: MeasuringCall, loop: MeasuringCall) -> bool:
    """Whether a loop was given the samples of evaluate, but for the rest of a last batch."""
    x, y = (call.recipe.inputs.rows("x") for call in (evaluate, loop))
    left = len(x) - len(y)
    size = max(loop.recipe.inputs.batches, default=0)
    return 0 <= left < size and {*map(bytes, y)} <= {*map(bytes, x)}


def evaluated_in_part(a: MeasuringCall, b: MeasuringCall) -> bool:
    """Whether one evaluate lost the last samples of the other's: a batch that was dropped because
    it was not full, or more where a number of steps was given."""
    few, whole = sorted((a, b), key=lambda call: len(call.recipe.inputs.rows("x")))
    if not a.kind == b.kind == "evaluate" or weights_of(a) != weights_of(b):
        return False
    if few.recipe.inputs.facts.get("steps"):
        x, y = (call.recipe.inputs.rows("x") for call in (few, whole))
        return 0 < len(x) < len(y) and {*map(bytes, x)} <= {*map(bytes, y)}
    return len(few.recipe.inputs.rows("x")) > 0 and nearly_all_of(whole, few)


def same_samples(a: MeasuringCall, b: MeasuringCall) -> bool:
    x, y = (call.recipe.inputs.rows("x") for call in (a, b))
    return len(x) == len(y) > 0 and unordered_digest(x) == unordered_digest(y)


def mostly_equal(a: MeasuringCall, b: MeasuringCall) -> bool:
    """Whether most rows are the same at the same places: the others are these samples, too, with
    some of their values filled or cleaned otherwise."""
    x, y = (call.recipe.inputs.rows("x") for call in (a, b))
    same = np.all(x == y, axis=1)
    return 2 * int(same.sum()) > len(x) and telling(x[same])


def telling(labels: np.ndarray) -> bool:
    """Whether labels in equal order say that the samples are the same: not all of one class."""
    return len(labels) >= 4 and len(np.unique(labels, axis=0)) > 1


def trained_between(execution: Execution, a: MeasuringCall, b: MeasuringCall) -> bool:
    if not all(_after_its_fit(execution, call) for call in (a, b)):
        return True
    first, last = sorted((a.number, b.number))
    if any(first < fit.call < last and fit.trained(a) for fit in execution.fits):
        return True
    if any(
        pair.origin_a.kind == pair.origin_b.kind == "trained"
        and pair.origin_a.fit == pair.origin_b.fit
        for pair in tensor_pairs(a, b).differing
    ):
        return True  # between two steps of one loop
    later = a if a.number > b.number else b
    tensors = zip(later.recipe.weights, later.recipe.origins, strict=False)
    kinds = {o.kind for t, o in tensors if not is_recurrent(t.path)}
    return bool(kinds & {"unwatched"}) and not kinds & {"file", "restored", "average", "copied"}


def as_trained_later(
    execution: Execution, calls: Sequence[MeasuringCall], a: MeasuringCall, b: MeasuringCall
) -> bool:
    """Whether one of two models answers as the other did once it was trained on: a copy of what
    that training left."""
    return any(
        one.model_number == call.model_number != other.model_number
        and call.number > one.number
        and same_result(call, other)
        and same_samples(call, other)
        and trained_between(execution, one, call)
        for one, other in ((a, b), (b, a))
        for call in calls
    )


def _after_its_fit(execution: Execution, call: MeasuringCall) -> bool:
    """Whether no step of the fit followed in which a callback made the call, if one did."""
    ended = [{WITHIN: fit.index, AFTER_STEPS: len(fit.steps)} for fit in execution.fits]
    return WITHIN not in call.notes or any(end.items() <= call.notes.items() for end in ended)
