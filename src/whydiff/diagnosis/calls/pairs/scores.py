"""What something else computes of predictions, against the calls that they came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from whydiff.core.calls import PRINTED_OF, MeasuringCall, Score, joined_call
from whydiff.core.recording import Execution, Fit
from whydiff.diagnosis.calls.origins import weights_story
from whydiff.diagnosis.calls.pairs.alike import (
    follows_fit,
    nearly_all_of,
    same_samples,
    telling,
    trained_between,
    weights_of,
)
from whydiff.diagnosis.calls.pairs.disagreement import (
    BY_POSITION,
    LABELS_MOVE,
    SCORED,
    Disagreement,
)
from whydiff.diagnosis.calls.pairs.fits import rows_of_validation
from whydiff.diagnosis.calls.pairs.metric_names import of_output, quantities_of, without_outputs
from whydiff.diagnosis.calls.quantities import power_to
from whydiff.diagnosis.calls.results import Call, Distance, number, ordered, values_of


def of_scores(execution: Execution, calls: Sequence[MeasuringCall]) -> Iterator[Disagreement]:
    """Scores that none of the metrics that they are held against agrees with."""
    for call, score, found in score_pairs(execution, calls):
        # Keras sums in single precision batch by batch, others in double: that is rounding.
        if not any(d.rounding for d in found):
            yield Disagreement(call, score, found[0], SCORED)


#: A call, a score that is held against it, and how far the metrics of one quantity are from it.
_ScorePair = tuple[Call, MeasuringCall, list[Distance]]


def score_pairs(execution: Execution, calls: Sequence[MeasuringCall]) -> Iterator[_ScorePair]:
    """A score computed from predictions against evaluate of the same weights, or else against what
    fit logged of its validation."""
    for score in calls:
        read = read_by(execution, score)
        if score.score is None or read is None:
            continue
        if score.score.key is not None:
            yield from _taken_pairs(score, score.score.key, read, calls)
            continue
        if score.score.is_mean:
            yield from _mean_pairs(execution, score, read, calls)
            continue
        fitting = [
            call
            for call in calls
            if call.kind == "evaluate" and _of_its_samples(call, read, score.score)
        ]
        held = [call for call in fitting if weights_of(call) == weights_of(read)]
        held = held or [call for call in fitting if _replaced(execution, call, read)]
        for call in held:
            own = of_output(call, call.values, score.score.output)
            yield from _scored(call, score, quantities_of(call, own), "")
        for fit in () if held else execution.fits:
            if (
                fit.log_seen
                and rows_of_validation(fit) == len(score.score.rows)
                and follows_fit(execution, read, fit)
            ):
                logged = [n[4:] for n in values_of(fit) if n.startswith("val_")]
                names = of_output(fit, logged, score.score.output)
                names.pop("loss", None)
                yield from _scored(fit, score, quantities_of(fit, names), "val_")


def _taken_pairs(
    score: MeasuringCall, key: int | str, read: MeasuringCall, calls: Sequence[MeasuringCall]
) -> Iterator[_ScorePair]:
    """A number out of what evaluate returned against the metric that it is taken for: one that the
    same call returned, or one that another call of equal samples and outputs has there."""
    beside = next((c for c in calls if c.number == score.notes.get("beside")), None)
    there = str(score.notes.get("there"))
    if beside is not None and there in beside.values:
        common = [name for name in beside.values if name in read.values]
        alike = (number(n, beside.values[n], read.values[n]).rounding for n in common)
        if common and all(alike) and same_samples(beside, read):
            value = next(iter(score.values.values()))
            yield beside, score, [number(there, beside.values[there], value)]
        return
    stands = read.returned[key] if isinstance(key, int) else key
    names = of_output(read, read.values, stands.rpartition("_")[0])
    found = list(_scored(read, score, names, ""))
    anywhere = list(_scored(read, score, without_outputs(read.values), ""))
    yield from found or [one for one in anywhere if len(one[2]) == 1]


def _mean_pairs(
    execution: Execution, mean: MeasuringCall, read: MeasuringCall, calls: Sequence[MeasuringCall]
) -> Iterator[_ScorePair]:
    """A mean over batches against evaluate, or against the same function, of all their samples."""
    assert mean.score is not None
    parts = {*mean.notes["reads"], *mean.notes.get("means", ())}
    for call in calls:
        if call.number in parts or call.kind not in ("evaluate", "score"):
            continue
        whole = call if call.kind == "evaluate" else read_by(execution, call)
        alike = whole is not None and weights_of(whole) == weights_of(read)
        if whole is None or not alike or not nearly_all_of(whole, read):
            continue
        if call.kind == "evaluate":
            # of its own metrics, by their names: where it was compiled with them
            metrics = {name: name for name in mean.values if name in call.values}
            if "means" in mean.notes:  # of what something else computes
                metrics = quantities_of(call, of_output(call, call.values, mean.score.output))
            yield from _scored(call, mean, metrics, "")
        elif call.score and call.score.function == mean.score.of:
            (name, value), *_ = call.values.items()
            yield call, mean, [number(name, value, next(iter(mean.values.values())))]


def read_by(execution: Execution, score: MeasuringCall) -> MeasuringCall | None:
    """The call that a score read; calls that a loop made as one."""
    if score.score is None:
        return None
    numbers = score.notes.get("reads") or [score.score.reads]
    by_number = {call.number: call for call in execution.calls}
    calls = [by_number[n] for n in numbers if n in by_number]
    if len(calls) < len(numbers):
        return None
    return calls[0] if len(calls) == 1 else joined_call(calls)


def reshuffled(a: Call, read: MeasuringCall) -> bool | None:
    """Whether the samples of an evaluate were predicted in another order; None for a fit, whose
    validation shows no order."""
    if isinstance(a, Fit):
        return None
    x, y = (call.recipe.inputs.rows("x") for call in (a, read))
    return not np.array_equal(x, y)


def source_read(a: Call, read: MeasuringCall) -> str:
    """What predicted samples came from; ``ONE_GENERATOR`` where evaluate had read it before."""
    facts = read.recipe.inputs.facts
    both = isinstance(a, MeasuringCall) and a.recipe.inputs.facts.get("object")
    if facts.get("source") == "generator" and both and both == facts.get("object"):
        return ONE_GENERATOR
    return str(facts.get("source"))


def _of_its_samples(evaluate: MeasuringCall, read: MeasuringCall, score: Score) -> bool:
    """Whether a score was computed from samples of evaluate: from the same ones or more, from ones
    with the same labels, or from a source that gives others at every pass."""
    labels = evaluate.recipe.inputs.rows("y")
    x, y = (call.recipe.inputs.rows("x") for call in (evaluate, read))
    if len(x) < len(y):
        return {*map(bytes, x)} <= {*map(bytes, y)}
    if read.notes.get("joined") and nearly_all_of(evaluate, read):
        return True
    sources = {call.recipe.inputs.facts.get("source") for call in (evaluate, read)}
    common = {*map(bytes, x)} & {*map(bytes, y)}
    if sources == {"generator"} and len(common) > len(y) / 2:
        return True  # it went on from where evaluate stopped
    if len(labels) != len(score.rows):
        return False
    if _PASSED_OVER & sources or common:
        return True
    return np.array_equal(labels, score.rows) and telling(labels)


def _scored(
    call: Call, score: MeasuringCall, names: Mapping[str, str], prefix: str
) -> Iterator[_ScorePair]:
    """Those of these metrics that (by what they are called) a score measured, too; or else those
    whose square or root it measured."""
    assert score.score is not None
    value = float(next(iter(score.values.values()), float("nan")))
    powers = {name: power_to(score.score.of, quantity) for name, quantity in names.items()}
    exact = 1.0 in powers.values()
    found = [
        number(name, float(values_of(call)[f"{prefix}{name}"]), value**power)
        for name, power in powers.items()
        if power is not None and (power == 1.0 or (value >= 0.0 and not exact))
    ]
    # Who sees one of several accuracies beside the score asks about that one.
    seen = (call.notes.get(PRINTED_OF) or {}) if isinstance(call, MeasuringCall) else {}
    found = [d for d in found if d.metric in seen] or found
    if found:
        yield call, score, found


def power_of_score(call: Call, score: MeasuringCall, metric: str) -> float:
    """The power of a score that is held against a metric of a call."""
    assert score.score is not None
    prefix = "val_" if isinstance(call, Fit) else ""
    names = [n.removeprefix(prefix) for n in values_of(call) if n.startswith(prefix)]
    quantities = quantities_of(call, of_output(call, names, score.score.output))
    return power_to(score.score.of, quantities.get(metric, metric)) or 1.0


#: A source that goes on from where its last reader stopped.
ONE_GENERATOR = "one generator"

#: Where the order of the rows may be another at every pass.
_PASSED_OVER = frozenset({"tf.data", "PyDataset", "torch DataLoader", "generator"})


def by_position(calls: Sequence[MeasuringCall]) -> Iterator[Disagreement]:
    """evaluate and predict over a source that reshuffles: a number computed by hand from labels
    read in a pass of their own is another."""
    for call in calls:
        for other in calls:
            if call.kind != "evaluate" or other.kind != "predict" or not call.values:
                continue
            sources = {c.recipe.inputs.facts.get("source") for c in (call, other)}
            if not sources <= _PASSED_OVER or weights_of(call) != weights_of(other):
                continue
            x, y = (c.recipe.inputs.rows("x") for c in (call, other))
            if same_samples(call, other) and not np.array_equal(x, y):
                name = ordered(list(call.values))[0]
                moved = float(np.mean(np.any(x != y, axis=1)))
                distance_ = Distance(moved, False, name, float(call.values[name]), None)
                yield Disagreement(call, other, distance_, BY_POSITION, LABELS_MOVE)


def _replaced(execution: Execution, a: MeasuringCall, b: MeasuringCall) -> bool:
    """Whether one of two calls has other weights of the same training: those of a file, of another
    epoch, an average, or such as the model does not hold; or moving averages that calls in between
    moved."""
    kinds = {origin.kind for call in (a, b) for origin in call.recipe.origins}
    shapes = [[tensor.shape for tensor in call.recipe.weights] for call in (a, b)]
    same = shapes[0] == shapes[1] and not trained_between(execution, a, b)
    story = weights_story(execution, a, b) if same else None
    moved = story is not None and story.mechanism == "averages-moved"
    return same and (moved or bool(kinds & {"file", "restored", "average", "given"}))
