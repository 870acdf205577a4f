"""Which two calls of one run measured the same thing and disagree, the worst first."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations, product
from typing import Any

import numpy as np

from whydiff.core.calls import (
    AFTER_STEPS,
    BEHIND_STEPS,
    BESIDE,
    PRINTED_OF,
    SUMMED,
    WITHIN,
    CallRecipe,
    Inputs,
    Leaf,
    MeasuringCall,
    Score,
    joined_call,
    part_of,
)
from whydiff.core.digests import unordered_digest
from whydiff.core.errors import WhydiffError
from whydiff.core.recording import STEP, VALIDATION_STEPS, Epoch, Execution, Fit
from whydiff.diagnosis.calls.inputs import exchanged
from whydiff.diagnosis.calls.loops import training_steps
from whydiff.diagnosis.calls.origins import FRESH, is_recurrent, tensor_pairs, weights_story
from whydiff.diagnosis.calls.quantities import power_to, quantity, same_quantity
from whydiff.diagnosis.calls.results import (
    Call,
    Distance,
    distance,
    kind_of,
    line_of,
    number,
    number_of,
    ordered,
    said,
    same_result,
    values_of,
)
from whydiff.diagnosis.calls.two_metrics import Printed
from whydiff.stats.correspondence import FEWEST_ROWS

#: Calls from one line and model that are looked at, and calls in all.
MOST_ALIKE, MOST_CALLS = 3, 60
#: From this relative distance on a disagreement is one that a person sees at once. What fit logs
#: is a mean over moving weights: that it is somewhat off is how it is meant to be.
LARGE, LARGE_OF_LOG = 0.02, 0.3
#: What makes two calls comparable, the clearest first.
SCORED, LOGGED, RUN, REBUILT, REPEATED, VALIDATED, OTHER_INPUT, BUILT = range(8)
#: Labels of another pass; two metrics of one evaluate; a fit's log and its validation on others.
BY_POSITION, BESIDE_IT, HELD_OUT = 8, 9, 10

#: What has to be checked on the values before two calls count as measuring the same.
FIT_ROWS, ROWS_CORRESPOND = "the rows of the fit", "rows that correspond"
STEP_ROWS = "the rows of a step"
VALIDATION_ROWS, LABELS_MOVE = "the validation rows of the fit", "labels that stand elsewhere"
MEASURED_AGAIN = "a log that can be measured again"


@dataclass(frozen=True, eq=False)
class Disagreement:
    """Two calls that measured the same and differ. ``why`` is one of the kinds above; ``check``
    names what digests alone do not show, "" if they do."""

    a: Call
    b: Call
    distance: Distance
    why: int
    check: str = ""

    @property
    def order(self) -> tuple[int, int, float, int, int]:
        """Sorts: large before small before rounding, then by what makes them comparable; of equal
        ones those that were made next to each other. That a log is somewhat off is expected of
        every script that evaluates: such a pair comes after every other of its size."""
        d = self.distance
        large = LARGE_OF_LOG if self.why == LOGGED else LARGE
        size = 2 if d.rounding or self.why == HELD_OUT else 0 if d.relative >= large else 1
        why = BESIDE_IT + 1 if self.why == LOGGED and size else self.why
        a, b = number_of(self.a), number_of(self.b)
        return (size, why, -round(d.relative, 6), abs(b - a), a)

    @property
    def clear(self) -> bool:
        """Whether it is more than rounding, and more than a log that is off as it may be."""
        return not self.distance.rounding and self.why not in (LOGGED, HELD_OUT)


def disagreements(execution: Execution, metric: str | None = None) -> list[Disagreement]:
    """All of them, the one to explain first."""
    calls = looked_at(execution.calls)
    found = list(_of_fits(execution, calls, metric))
    found += _of_scores(execution, calls)
    if not any(d.why == SCORED for d in found):
        scored = {s.score.reads for _, s, _ in _score_pairs(execution, calls) if s.score}
        found += _by_position([call for call in calls if call.number not in scored])
    own = [c for c in calls if c.kind != "score" and "thrown away" not in c.notes]
    for a, b in combinations(own, 2):
        if not same_result(a, b) and not _as_trained_later(execution, own, a, b):
            found += _of_calls(execution, a, b, metric)
    found += _beside_each_other(own, metric)
    for fit in execution.fits:
        found += [*_beside_in_log(fit, metric), *_held_out(fit, metric)]
    found += _of_loops(execution, own, metric)
    found += _of_parts(execution, own, metric)
    return sorted(found, key=lambda d: d.order)


def _of_loops(
    execution: Execution, own: Sequence[MeasuringCall], metric: str | None
) -> Iterator[Disagreement]:
    """What a loop predicts piece by piece, against what one call predicts of all of it."""
    for whole, other in product(_in_pieces(execution.calls), own):
        numbers = whole.notes["joined"]
        alike = _one_model(whole, other) and other.kind in ("predict", "call")
        if not alike or other.number in numbers:
            continue
        sizes = [len(c.recipe.inputs.rows("x")) for c in (whole, other)]
        if sizes[0] != sizes[1] or not _alike_fed(whole, other):
            continue
        yield from _of_calls(execution, other, whole, metric)


def _of_parts(
    execution: Execution, own: Sequence[MeasuringCall], metric: str | None
) -> Iterator[Disagreement]:
    """Some rows predicted on their own, one by one or at once, against the call that predicted
    them among others. Rows that are rounded otherwise there are no disagreement."""
    for part, few in (*_parts(execution, own), *_in_another_form(execution, own)):
        pairs = _of_calls(execution, part, few, metric)
        yield from (d for d in pairs if not d.distance.rounding)


def _in_another_form(
    execution: Execution, own: Sequence[MeasuringCall]
) -> Iterator[tuple[MeasuringCall, MeasuringCall]]:
    """The first rows of calls, and calls or loops that predicted as many samples that are none of
    theirs: the same ones without their padding, or scaled otherwise, it may be."""
    for few, whole in _fewer(execution, own):
        one, other = (call.recipe.inputs for call in (few, whole))
        x, y = (inputs.rows("x") for inputs in (one, other))
        shapes = [[leaf.shape for leaf in inputs.of("x")] for inputs in (one, other)]
        apart = not {*map(bytes, x)} & {*map(bytes, y)}
        if apart and (shapes[0] != shapes[1] or len(x) >= FEWEST_ROWS):
            yield part_of(whole, range(len(x))), few


def _parts(
    execution: Execution, own: Sequence[MeasuringCall]
) -> Iterator[tuple[MeasuringCall, MeasuringCall]]:
    """Calls as far as they predicted the rows that another call of the same model, or a loop of
    them, predicted alone; and that other call."""
    for few, whole in _fewer(execution, own):
        rows = [call.recipe.inputs.rows("x") for call in (few, whole)]
        places = {row.tobytes(): i for i, row in reversed(list(enumerate(rows[1])))}
        found = [places.get(row.tobytes()) for row in rows[0]]
        known = [place for place in found if place is not None]
        if len(known) == len(found):
            yield part_of(whole, known), few


def _fewer(
    execution: Execution, own: Sequence[MeasuringCall]
) -> Iterator[tuple[MeasuringCall, MeasuringCall]]:
    """Calls or loops of a model, each beside one of the same model that answered more rows."""
    wholes = [call for call in own if call.kind in ("predict", "call")]
    loops = list(_in_pieces(execution.calls))
    pieces = {number for loop in loops for number in loop.notes["joined"]}
    alone = [call for call in wholes if call.number not in pieces]
    for few, whole in product([*loops, *alone], wholes):
        rows = [call.recipe.inputs.rows("x") for call in (few, whole)]
        alike = _one_model(few, whole) and _weights(few) == _weights(whole)
        if not (alike and 0 < len(rows[0]) < len(rows[1]) and _alike_fed(few, whole)):
            continue
        cut = {call.recipe.inputs.unit for call in (few, whole)} == {"sample"}
        if cut and all(len(o.rows) == len(rows[1]) for o in whole.outputs):
            yield few, whole


def _one_model(a: MeasuringCall, b: MeasuringCall) -> bool:
    """Whether two calls used one model, or one and a copy of it that holds the same weights."""
    copied = bool(_weights(a)) and _weights(a) == _weights(b)
    return a.model_number == b.model_number or copied


def _alike_fed(a: MeasuringCall, b: MeasuringCall) -> bool:
    """Whether two calls were fed arrays of equal kinds: as many, with equally many dimensions."""
    one, two = (call.recipe.inputs.of("x") for call in (a, b))
    return [x.path for x in one] == [y.path for y in two]


def _in_pieces(calls: Sequence[MeasuringCall]) -> Iterator[MeasuringCall]:
    """Calls of one line, model and weights, fed piece by piece, as one call for all of them. A
    model that a function loads for every piece is one model."""
    groups: dict[tuple[object, ...], list[MeasuringCall]] = {}
    models = _first_alike(calls)
    steps = training_steps(calls)
    for call in calls:
        if call.kind in ("predict", "call") and call.finished and call.number not in steps:
            place = tuple((f.file, f.line) for f in call.stack)
            key = (call.kind, models[call.model_number], place, tuple(_trained_weights(call)),
                   tuple(leaf.path for leaf in call.recipe.inputs.leaves),
                   tuple((o.name, o.shape[1:]) for o in call.outputs))  # fmt: skip
            groups.setdefault(key, []).append(call)
    for group in groups.values():
        cut = all(c.recipe.inputs.unit == "sample" and c.outputs for c in group)
        counted = any("further calls of this line" in c.notes for c in group)
        if len(group) > 1 and cut and not counted and not _same_samples(group[0], group[1]):
            yield joined_call(group)


def _first_alike(calls: Sequence[MeasuringCall]) -> dict[int, int]:
    """For every model the first of an equal program."""
    first: dict[str, int] = {}
    alike: dict[int, int] = {}
    for call in calls:
        number = call.model_number
        if number not in alike:
            program = [call.recipe.architecture, call.recipe.precision, call.recipe.mode]
            alike[number] = first.setdefault(repr([sorted(p.items()) for p in program]), number)
    return alike


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


def _weights(call: MeasuringCall) -> list[str]:
    return [t.digest for t in call.recipe.weights if not is_recurrent(t.path)]


def _trained_weights(call: MeasuringCall) -> list[str]:
    """The weights that only a training changes: calls with training=True move averages."""
    known = [t.digest for t in call.recipe.weights if t.role == "trainable"]
    return known if call.recipe.mode.get("training") is True else _weights(call)


# --- fits ---------------------------------------------------------------------------------------


def _of_fits(
    execution: Execution, calls: Sequence[MeasuringCall], metric: str | None
) -> Iterator[Disagreement]:
    """The last epoch of a fit whose log somebody sees against evaluate of the same model, before
    it was trained on, and against its own validation on the samples that it trained on."""
    for fit in (fit for fit in execution.fits if fit.log_seen):
        own = _own_validation(fit)
        if own is not None:
            yield from (replace(d, check="") for d in fit_pairs(fit, own, metric))
        for call in calls:
            follows = call.kind == "evaluate" and _follows(execution, call, fit)
            if follows and fit.final and _as_it_ended(call, fit):
                yield from fit_pairs(fit, call, metric)
            yield from _of_steps(fit, call, metric)


def _of_steps(fit: Fit, call: MeasuringCall, metric: str | None) -> Iterator[Disagreement]:
    """What steps of a loop gave that may have trained on the samples of a call; of those that were
    fed the same the latest."""
    behind = call.notes.get(BEHIND_STEPS) or {}
    cut, order = fit.recipe.batch_size.epochs, fit.recipe.data_order.epochs
    if behind.get("fit") != fit.index or not cut or not order:
        return
    rows = len(call.recipe.inputs.rows("x"))
    batches = np.split(order[0], np.cumsum(cut[0])[:-1])
    fed: set[bytes] = set()
    for step, logs in reversed(behind["steps"]):
        batch = np.sort(batches[step]) if step < len(batches) else np.empty(0)
        if len(batch) == rows and batch.tobytes() not in fed:
            fed.add(batch.tobytes())
            notes = {**fit.notes, STEP: step}
            one = replace(fit, epochs=(Epoch(0, 1, logs),), notes=notes)
            found = [d for d in fit_pairs(one, call, metric, rows) if d.check == FIT_ROWS]
            yield from (replace(d, check=STEP_ROWS) for d in found)


def _own_validation(fit: Fit) -> MeasuringCall | None:
    """The validation of the last epoch as a call, where it was given the samples that the epoch
    trained on, and the script looks at both of a metric's numbers."""
    samples = fit.recipe.data_content.validation_samples
    if samples is None or not _validates_what_it_trains_on(fit):
        return None
    seen = fit.names_seen
    values = {
        name: value
        for name, value in validated(fit).items()
        if not seen or {f"val_{name}", name} <= {*seen}
    }
    given = Inputs((Leaf("x", "", "", (), samples),))
    return _validation_of(fit, CallRecipe(inputs=given, weights=fit.final), values)


def _validates_what_it_trains_on(fit: Fit) -> bool | None:
    """Whether the validation was given the samples of the last epoch, None where it has none, or
    they are not known one by one."""
    content, epochs = fit.recipe.data_content, fit.recipe.data_order.epochs
    if content.validation_samples is None or content.unit != "sample" or not epochs:
        return None
    trained = unordered_digest(content.samples[epochs[-1]])
    return trained == unordered_digest(content.validation_samples)


def _held_out(fit: Fit, metric: str | None) -> Iterator[Disagreement]:
    """The last epoch of a fit against its validation on other samples, where the script reads both
    of a metric's numbers from its history."""
    logs, held = values_of(fit), validated(fit)
    both = [n for n in held if {n, f"val_{n}"} <= {*fit.names_seen} and n in logs]
    if not both or _validates_what_it_trains_on(fit) is not False:
        return
    apart = [number(n, float(logs[n]), held[n]) for n in ordered(both) if metric in (None, n)]
    told = next((d for d in apart if not d.rounding), None)
    if told is not None:
        call = _validation_of(fit, CallRecipe(weights=fit.final), {n: held[n] for n in both})
        yield Disagreement(fit, call, told, HELD_OUT, MEASURED_AGAIN)


def validated(fit: Fit) -> dict[str, float]:
    """What the last validation of a fit gave, metric by metric."""
    logs = values_of(fit).items()
    return {name[4:]: float(value) for name, value in logs if name.startswith("val_")}


def _validation_of(fit: Fit, recipe: CallRecipe, values: Mapping[str, float]) -> MeasuringCall:
    """The last validation of a fit as a call."""
    return MeasuringCall(
        fit.call, "evaluate", fit.model, next(iter(fit.models), 0), fit.stack, recipe,
        values=values, notes={"validation of": fit.index},
    )  # fmt: skip


def _as_it_ended(call: MeasuringCall, fit: Fit) -> bool:
    """Whether a call used the weights that a fit ended with, where it was made while that ran."""
    return WITHIN not in call.notes or {*_weights(call)} <= {t.digest for t in fit.final}


def _follows(execution: Execution, call: MeasuringCall, fit: Fit) -> bool:
    """Whether a call used a fit's model before that was trained on."""
    between = [f for f in execution.fits if fit.call < f.call < call.number]
    mine = call.number > fit.call and fit.trained(call)
    return mine and not any(f.trained(call) for f in between)


def fit_pairs(
    fit: Fit, call: MeasuringCall, metric: str | None, trained_on: int | None = None
) -> Iterator[Disagreement]:
    """What a fit logged last, on the samples that it trained or validated on, and evaluate on
    equally many. ``trained_on``: how many these were, where not an epoch."""
    logs, rows = values_of(fit), len(call.recipe.inputs.rows("x"))
    for prefix, why, check, count in (
        ("val_", VALIDATED, VALIDATION_ROWS, _rows_of_validation(fit)),
        ("", LOGGED, FIT_ROWS, _rows_of_epoch(fit) if trained_on is None else trained_on),
    ):
        common = [n for n in ordered(list(call.values)) if f"{prefix}{n}" in logs]
        if fit.names_seen:
            common = [n for n in common if f"{prefix}{n}" in fit.names_seen]
        apart = [
            number(n, float(logs[f"{prefix}{n}"]), float(call.values[n]))
            for n in common
            if metric in (None, n)
        ]
        cut = why == VALIDATED and fit.notes.get(VALIDATION_STEPS) and 0 < count < rows
        if not apart or not (rows == count or cut) or all(d.relative == 0 for d in apart):
            continue
        large = LARGE_OF_LOG if why == LOGGED else LARGE
        told = next((d for d in apart if d.relative >= large), None)
        told = told or next((d for d in apart if not d.rounding), None)
        if told is not None:
            yield Disagreement(fit, call, told, why, check)
        elif why == LOGGED:
            yield Disagreement(fit, call, apart[0], why, check)


def _validated_alike(fit: Fit, call: MeasuringCall) -> bool:
    """Whether evaluate gave what fit logged of as many validation samples, metric by metric."""
    logs, count = values_of(fit), _rows_of_validation(fit)
    pairs = [(float(logs[f"val_{n}"]), float(v)) for n, v in call.values.items()
             if f"val_{n}" in logs]  # fmt: skip
    alike = all(number("", *pair).relative == 0 for pair in pairs)
    return bool(pairs) and alike and count == len(call.recipe.inputs.rows("x"))


def _rows_of_validation(fit: Fit) -> int:
    rows = fit.recipe.data_content.validation_samples
    return 0 if rows is None else len(rows)


def _rows_of_epoch(fit: Fit) -> int:
    epochs = fit.recipe.data_order.epochs
    return len(epochs[-1]) if epochs else 0


# --- scores -------------------------------------------------------------------------------------


def _quantities(call: Call, names: Mapping[str, str]) -> dict[str, str]:
    """What metrics measure: the loss by the function that it was compiled with, a metric that the
    script has given a name of its own (``Precision(name="prec")``) by its class."""
    compiled = call.recipe.measurement
    classes = dict(_classes([compiled.get("metrics"), compiled.get("weighted_metrics")]))
    found = {
        name: bare if quantity(bare) else classes.get(bare, bare) for name, bare in names.items()
    }
    if names.get("loss") == "loss":
        found["loss"] = str(call.recipe.objective.get("loss") or "loss")
    return found


def threshold_of(call: Call, metric: str) -> float:
    """Where a compiled metric of that name cuts outputs, 0.5 where it was given no threshold."""
    compiled = call.recipe.measurement
    given = [compiled.get("metrics"), compiled.get("weighted_metrics")]
    named = (one for one in _settings(given) if metric.endswith(str(one.get("name"))))
    for settings, key in itertools.product(named, ("threshold", "thresholds")):
        value = settings.get(key)
        value = value[0] if isinstance(value, list | tuple) and len(value) == 1 else value
        if isinstance(value, int | float):
            return float(value)
    return 0.5


def _beside_each_other(
    calls: Sequence[MeasuringCall], metric: str | None
) -> Iterator[Disagreement]:
    """Two metrics of one evaluate that measure one quantity, where the script prints both."""
    for call in calls:
        printed = call.notes.get(PRINTED_OF) or {}
        bare = _without_outputs(call.values)
        measured = _quantities(call, {name: bare[name] for name in printed if name in bare})
        classes = dict(_classes(call.recipe.measurement))
        pairs = combinations(sorted(measured, key=lambda name: name != "loss"), 2)
        for one, other in pairs:
            a, b = (Printed(name, printed[name] == "root") for name in (one, other))
            apart = number(a.name, a.value(call.values[one]), b.value(call.values[other]))
            same_output = one.removesuffix(bare[one]) == other.removesuffix(bare[other])
            alike = classes.get(bare[one]) is not None is not classes.get(bare[other])
            meant = alike and classes[bare[one]] == classes[bare[other]]  # with other settings
            unasked = metric is not None and metric not in (one, other)
            if not same_output or meant or apart.rounding or unasked:
                continue
            if _measured_alike(measured[one], a.root, measured[other], b.root):
                yield _beside(call, other, call.values[other], apart)
        yield from _beside_sums(call, printed) if metric in (None, "loss") else ()


def _beside_sums(call: MeasuringCall, printed: Mapping[str, str]) -> Iterator[Disagreement]:
    """The loss of a call against the sum of the losses of all its outputs."""
    losses = {f"{output}_loss" for output in _with_losses(call.values)}
    for name in printed if "loss" in printed else ():
        parts = name.split(SUMMED)
        summed = sum(call.values[part] for part in parts)
        apart = number("loss", call.values["loss"], summed)
        if len(parts) > 1 and {*parts} == losses and not apart.rounding:
            yield _beside(call, name, summed, apart)


def _beside(call: MeasuringCall, name: str, value: float, apart: Distance) -> Disagreement:
    """A metric of a call against another one of the same, or against a sum of others."""
    told = Score(f"{BESIDE}.{name}", call.number, "", "", np.empty((0, 2), np.uint64))
    score = replace(call, kind="score", values={name: value}, score=told, outputs=(), notes={})
    return Disagreement(call, score, apart, BESIDE_IT)


def _beside_in_log(fit: Fit, metric: str | None) -> Iterator[Disagreement]:
    """Two metrics of the last epoch of a fit, or of its last validation, that measure one quantity,
    where the script reads both from its history."""
    known, logs = fit.recipe, values_of(fit)
    recipe = CallRecipe(measurement=known.measurement, objective=known.objective)
    trained = {name: float(v) for name, v in logs.items() if not name.startswith("val_")}
    for prefix, given in (("val_", validated(fit)), ("", trained)):
        values = {name: v for name, v in given.items() if f"{prefix}{name}" in fit.names_seen}
        call = _validation_of(fit, recipe, values)
        call = replace(call, notes={**call.notes, PRINTED_OF: dict.fromkeys(values, "")})
        asked = metric.removeprefix(prefix) if metric else None
        for found in _beside_each_other([call], asked):
            assert isinstance(found.b, MeasuringCall) and found.b.score
            name = f"{BESIDE}.{prefix}{found.b.score.beside}"
            told = replace(found.b.score, function=name, settings={"logged": True})
            score = replace(found.b, score=told)
            apart = found.distance._replace(metric=f"{prefix}{found.distance.metric}")
            yield replace(found, a=fit, b=score, distance=apart)


def printed_pair(pair: Disagreement) -> tuple[Printed, Printed]:
    """The two metrics of one evaluate, or of the validation of a fit, that a disagreement is
    about."""
    assert isinstance(pair.b, MeasuringCall) and pair.b.score
    if isinstance(pair.a, Fit):
        one, two = pair.distance.metric, pair.b.score.beside
        return Printed(one.removeprefix("val_")), Printed(two.removeprefix("val_"))
    printed, other = pair.a.notes.get(PRINTED_OF) or {}, pair.b.score.beside
    names = [n for n in printed if Printed(n, printed[n] == "root").name == pair.distance.metric]
    return Printed(names[0], printed[names[0]] == "root"), Printed(other, printed[other] == "root")


def _measured_alike(one: str, root: bool, other: str, other_root: bool) -> bool:
    """Whether two metrics, or the roots of them, measure one quantity."""
    if root == other_root:
        return same_quantity(one, other)
    square, plain = (one, other) if root else (other, one)
    return power_to(square, plain) == 0.5


def _settings(compiled: Any) -> Iterator[Mapping[str, Any]]:
    """The settings of every metric in what a model was compiled with, output by output."""
    if isinstance(compiled, Mapping) and isinstance(compiled.get("class"), str):
        yield compiled
    elif isinstance(compiled, Mapping | list | tuple):
        for part in compiled.values() if isinstance(compiled, Mapping) else compiled:
            yield from _settings(part)


def _classes(compiled: Any) -> Iterator[tuple[str, str]]:
    """(name, class) of every metric in what a model was compiled with."""
    for settings in _settings(compiled):
        below = "PR" if settings.get("curve") == "PR" else ""  # an area of another curve
        yield str(settings.get("name")), below + str(settings["class"])


def _of_scores(execution: Execution, calls: Sequence[MeasuringCall]) -> Iterator[Disagreement]:
    """Scores that none of the metrics that they are held against agrees with."""
    for call, score, found in _score_pairs(execution, calls):
        # Keras sums in single precision batch by batch, others in double: that is rounding.
        if not any(d.rounding for d in found):
            yield Disagreement(call, score, found[0], SCORED)


#: A call, a score that is held against it, and how far the metrics of one quantity are from it.
_ScorePair = tuple[Call, MeasuringCall, list[Distance]]


def _score_pairs(execution: Execution, calls: Sequence[MeasuringCall]) -> Iterator[_ScorePair]:
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
        held = [call for call in fitting if _weights(call) == _weights(read)]
        held = held or [call for call in fitting if _replaced(execution, call, read)]
        for call in held:
            own = _of_output(call, call.values, score.score.output)
            yield from _scored(call, score, _quantities(call, own), "")
        for fit in () if held else execution.fits:
            if (
                fit.log_seen
                and _rows_of_validation(fit) == len(score.score.rows)
                and _follows(execution, read, fit)
            ):
                logged = [n[4:] for n in values_of(fit) if n.startswith("val_")]
                names = _of_output(fit, logged, score.score.output)
                names.pop("loss", None)
                yield from _scored(fit, score, _quantities(fit, names), "val_")


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
        if common and all(alike) and _same_samples(beside, read):
            value = next(iter(score.values.values()))
            yield beside, score, [number(there, beside.values[there], value)]
        return
    stands = read.returned[key] if isinstance(key, int) else key
    names = _of_output(read, read.values, stands.rpartition("_")[0])
    found = list(_scored(read, score, names, ""))
    anywhere = list(_scored(read, score, _without_outputs(read.values), ""))
    yield from found or [one for one in anywhere if len(one[2]) == 1]


def _mean_pairs(
    execution: Execution,
    mean: MeasuringCall,
    read: MeasuringCall,
    calls: Sequence[MeasuringCall],
) -> Iterator[_ScorePair]:
    """A mean over batches against evaluate, or against the same function, of all their samples."""
    assert mean.score is not None
    parts = {*mean.notes["reads"], *mean.notes.get("means", ())}
    for call in calls:
        if call.number in parts or call.kind not in ("evaluate", "score"):
            continue
        whole = call if call.kind == "evaluate" else read_by(execution, call)
        alike = whole is not None and _weights(whole) == _weights(read)
        if whole is None or not alike or not _nearly_all_of(whole, read):
            continue
        if call.kind == "evaluate":
            # of its own metrics, by their names: where it was compiled with them
            metrics = {name: name for name in mean.values if name in call.values}
            if "means" in mean.notes:  # of what something else computes
                metrics = _quantities(call, _of_output(call, call.values, mean.score.output))
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


def _nearly_all_of(evaluate: MeasuringCall, loop: MeasuringCall) -> bool:
    """Whether a loop was given the samples of evaluate, but for the rest of a last batch."""
    x, y = (call.recipe.inputs.rows("x") for call in (evaluate, loop))
    left = len(x) - len(y)
    size = max(loop.recipe.inputs.batches, default=0)
    return 0 <= left < size and {*map(bytes, y)} <= {*map(bytes, x)}


def _without_outputs(names: Iterable[str]) -> dict[str, str]:
    """The metrics of all outputs, each with what it is called without its output's name."""
    names = list(names)
    outputs = _with_losses(names)
    return {
        name: next((name.removeprefix(f"{o}_") for o in outputs if name.startswith(f"{o}_")), name)
        for name in names
    }


def names_of_outputs(call: Call) -> tuple[str, ...]:
    """The outputs of a call's model in their order, () where that is not known, or there is one."""
    known = call.notes.get("outputs") if isinstance(call, MeasuringCall) else None
    return tuple(map(str, known)) if isinstance(known, list) else ()


def _with_losses(metrics: Iterable[str]) -> tuple[str, ...]:
    """The outputs of a model of several, as its losses are called after them, in any order."""
    return tuple(n.removesuffix("_loss") for n in metrics if n.endswith("_loss"))


def _of_output(call: Call, names: Iterable[str], output: str) -> dict[str, str]:
    """The metrics of one output of a model, each with what it is called without the output's name;
    none where it is not known which output that is.

    ``output`` is the output's key or position, "" where the model has but one.
    """
    names = list(names)
    outputs = names_of_outputs(call)
    if output.isdigit() and not outputs and len(_with_losses(names)) > 1:
        return {}
    name = outputs[int(output)] if output.isdigit() and int(output) < len(outputs) else output
    if not any(n.startswith(f"{name}_") for n in names):
        return {n: n for n in names}
    return {n: n.removeprefix(f"{name}_") for n in names if n.startswith(f"{name}_")}


def _of_its_samples(evaluate: MeasuringCall, read: MeasuringCall, score: Score) -> bool:
    """Whether a score was computed from samples of evaluate: from the same ones or more, from ones
    with the same labels, or from a source that gives others at every pass."""
    labels = evaluate.recipe.inputs.rows("y")
    x, y = (call.recipe.inputs.rows("x") for call in (evaluate, read))
    if len(x) < len(y):
        return {*map(bytes, x)} <= {*map(bytes, y)}
    if read.notes.get("joined") and _nearly_all_of(evaluate, read):
        return True
    sources = {call.recipe.inputs.facts.get("source") for call in (evaluate, read)}
    common = {*map(bytes, x)} & {*map(bytes, y)}
    if sources == {"generator"} and len(common) > len(y) / 2:
        return True  # it went on from where evaluate stopped
    if len(labels) != len(score.rows):
        return False
    if _PASSED_OVER & sources or common:
        return True
    return np.array_equal(labels, score.rows) and _telling(labels)


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
    if found:
        yield call, score, found


def power_of_score(call: Call, score: MeasuringCall, metric: str) -> float:
    """The power of a score that is held against a metric of a call."""
    assert score.score is not None
    prefix = "val_" if isinstance(call, Fit) else ""
    names = [n.removeprefix(prefix) for n in values_of(call) if n.startswith(prefix)]
    quantities = _quantities(call, _of_output(call, names, score.score.output))
    return power_to(score.score.of, quantities.get(metric, metric)) or 1.0


#: A source that goes on from where its last reader stopped.
ONE_GENERATOR = "one generator"
#: Where the order of the rows may be another at every pass.
_PASSED_OVER = frozenset({"tf.data", "PyDataset", "torch DataLoader", "generator"})


def _by_position(calls: Sequence[MeasuringCall]) -> Iterator[Disagreement]:
    """evaluate and predict over a source that reshuffles: a number computed by hand from labels
    read in a pass of their own is another."""
    for call in calls:
        for other in calls:
            if call.kind != "evaluate" or other.kind != "predict" or not call.values:
                continue
            sources = {c.recipe.inputs.facts.get("source") for c in (call, other)}
            if not sources <= _PASSED_OVER or _weights(call) != _weights(other):
                continue
            x, y = (c.recipe.inputs.rows("x") for c in (call, other))
            if _same_samples(call, other) and not np.array_equal(x, y):
                name = ordered(list(call.values))[0]
                moved = float(np.mean(np.any(x != y, axis=1)))
                distance_ = Distance(moved, False, name, float(call.values[name]), None)
                yield Disagreement(call, other, distance_, BY_POSITION, LABELS_MOVE)


# --- measuring calls ----------------------------------------------------------------------------


def _of_calls(
    execution: Execution, a: MeasuringCall, b: MeasuringCall, metric: str | None
) -> Iterator[Disagreement]:
    if "built" in (a.kind, b.kind) and a.kind != b.kind:
        return
    same_model = a.model_number == b.model_number
    if same_model and _weights(a) != _weights(b) and _trained_between(execution, a, b):
        return  # a model that was trained meanwhile is meant to answer otherwise
    apart = distance(a, b, metric)
    if apart is None or apart.relative == 0:
        return
    if a.kind == "built":
        yield Disagreement(a, b, apart, BUILT)
        return
    if ("evaluate" in (a.kind, b.kind)) and a.kind != b.kind:
        return
    same_rows = _same_samples(a, b)
    if same_rows:
        alike = a.kind == b.kind
        why = (REPEATED if alike else RUN) if same_model else REBUILT if alike else OTHER_INPUT
        yield Disagreement(a, b, apart, why)
    elif _evaluated_in_part(a, b):
        yield Disagreement(a, b, apart, OTHER_INPUT)
    elif a.kind == b.kind or same_model:
        if len(a.recipe.inputs.rows("x")) != len(b.recipe.inputs.rows("x")):
            return
        one, other = (c.recipe.inputs.rows("y") for c in (a, b))
        equal_labels = np.array_equal(one, other) and _telling(one)
        known = equal_labels or exchanged(a.recipe.inputs, b.recipe.inputs) or _mostly_equal(a, b)
        check = "" if known else ROWS_CORRESPOND
        yield Disagreement(a, b, apart, OTHER_INPUT, check)


def _evaluated_in_part(a: MeasuringCall, b: MeasuringCall) -> bool:
    """Whether one evaluate lost the last samples of the other's: a batch that was dropped because
    it was not full, or more where a number of steps was given."""
    few, whole = sorted((a, b), key=lambda call: len(call.recipe.inputs.rows("x")))
    if not a.kind == b.kind == "evaluate" or _weights(a) != _weights(b):
        return False
    if few.recipe.inputs.facts.get("steps"):
        x, y = (call.recipe.inputs.rows("x") for call in (few, whole))
        return 0 < len(x) < len(y) and {*map(bytes, x)} <= {*map(bytes, y)}
    return len(few.recipe.inputs.rows("x")) > 0 and _nearly_all_of(whole, few)


def _same_samples(a: MeasuringCall, b: MeasuringCall) -> bool:
    x, y = (call.recipe.inputs.rows("x") for call in (a, b))
    return len(x) == len(y) > 0 and unordered_digest(x) == unordered_digest(y)


def _mostly_equal(a: MeasuringCall, b: MeasuringCall) -> bool:
    """Whether most rows are the same at the same places: the others are these samples, too, with
    some of their values filled or cleaned otherwise."""
    x, y = (call.recipe.inputs.rows("x") for call in (a, b))
    same = np.all(x == y, axis=1)
    return 2 * int(same.sum()) > len(x) and _telling(x[same])


def _telling(labels: np.ndarray) -> bool:
    """Whether labels in equal order say that the samples are the same: not all of one class."""
    return len(labels) >= 4 and len(np.unique(labels, axis=0)) > 1


def _trained_between(execution: Execution, a: MeasuringCall, b: MeasuringCall) -> bool:
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


def _as_trained_later(
    execution: Execution, calls: Sequence[MeasuringCall], a: MeasuringCall, b: MeasuringCall
) -> bool:
    """Whether one of two models answers as the other did once it was trained on: a copy of what
    that training left."""
    return any(
        one.model_number == call.model_number != other.model_number
        and call.number > one.number
        and same_result(call, other)
        and _same_samples(call, other)
        and _trained_between(execution, one, call)
        for one, other in ((a, b), (b, a))
        for call in calls
    )


def _after_its_fit(execution: Execution, call: MeasuringCall) -> bool:
    """Whether no step of the fit followed in which a callback made the call, if one did."""
    ended = [{WITHIN: fit.index, AFTER_STEPS: len(fit.steps)} for fit in execution.fits]
    return WITHIN not in call.notes or any(end.items() <= call.notes.items() for end in ended)


def _replaced(execution: Execution, a: MeasuringCall, b: MeasuringCall) -> bool:
    """Whether one of two calls has other weights of the same training: those of a file, of another
    epoch, an average, or such as the model does not hold; or moving averages that calls in between
    moved."""
    kinds = {origin.kind for call in (a, b) for origin in call.recipe.origins}
    shapes = [[tensor.shape for tensor in call.recipe.weights] for call in (a, b)]
    same = shapes[0] == shapes[1] and not _trained_between(execution, a, b)
    story = weights_story(execution, a, b) if same else None
    moved = story is not None and story.mechanism == "averages-moved"
    return same and (moved or bool(kinds & {"file", "restored", "average", "given"}))


def in_comparison(execution: Execution) -> tuple[int, list[str]]:
    """(pairs of calls that measured the same with the same result, those whose results differ as
    they should, in words). For executions without disagreements."""
    calls, meant = looked_at(execution.calls), []
    equal = sum(any(d.rounding for d in found) for _, _, found in _score_pairs(execution, calls))
    equal += sum(
        call.kind == "evaluate" and _follows(execution, call, fit) and _validated_alike(fit, call)
        for fit, call in product(execution.fits, calls)
    )
    own = [c for c in calls if c.kind not in ("score", "built")]
    for loop, whole in product(_in_pieces(execution.calls), own):
        single = whole.number not in loop.notes["joined"]
        if single and loop.model_number == whole.model_number and _same_samples(loop, whole):
            apart = distance(loop, whole)
            equal += apart is not None and apart.rounding
    for part, few in _parts(execution, own):
        apart = distance(part, few)
        equal += apart is not None and apart.rounding
    for a, b in combinations(own, 2):
        ran = {a.kind, b.kind}
        if (len(ran) > 1 and ran != {"predict", "call"}) or not _same_samples(a, b):
            continue
        if same_result(a, b):
            equal += 1
        elif (
            a.model_number == b.model_number
            and _weights(a) != _weights(b)
            and _trained_between(execution, a, b)
        ):
            meant.append(f"{said(a)} and {said(b)} differ, since the model was trained in between")
    return equal, list(dict.fromkeys(meant))


# --- choosing -----------------------------------------------------------------------------------


def independent(execution: Execution, metric: str | None = None) -> Disagreement | None:
    """The first two models built apart whose calls differ, in an execution that trains nothing."""
    if execution.fits:
        return None
    for found in sorted(
        disagreements(execution, metric), key=lambda d: (number_of(d.a), number_of(d.b))
    ):
        a, b = found.a, found.b
        if isinstance(a, Fit) or isinstance(b, Fit) or a.model_number == b.model_number:
            continue
        if found.check or found.distance.rounding:
            continue
        origins = [{o.kind for o in call.recipe.origins} for call in (a, b)]
        shapes = [[t.shape for t in call.recipe.weights] for call in (a, b)]
        apart = bool(a.recipe.weights) and _weights(a) != _weights(b)
        if apart and all(kinds <= FRESH for kinds in origins) and shapes[0] == shapes[1]:
            return found
    return None


def first_difference(a: Execution, b: Execution) -> tuple[Call, Call] | None:
    """The first call, fit or not, that ended otherwise in two runs of one script."""
    for one, other in zip(a.in_order(), b.in_order(), strict=False):
        if kind_of(one) != kind_of(other):
            return None
        if not same_result(one, other):
            return one, other
    return None


def alike(a: Execution, b: Execution) -> list[tuple[MeasuringCall, MeasuringCall]]:
    """Measuring calls of two scripts by their kind, the last of each first, then those before."""
    left: dict[str, list[MeasuringCall]] = {}
    for call in b.calls:
        left.setdefault(call.kind, []).append(call)
    return [(one, left[one.kind].pop()) for one in reversed(a.calls) if left.get(one.kind)]


def wanted_calls(execution: Execution, wanted: tuple[int, int]) -> tuple[Call, Call]:
    """The calls of these numbers; WhydiffError where there is none."""
    by_number = {number_of(call): call for call in execution.in_order()}
    for n in wanted:
        if n not in by_number:
            raise WhydiffError(
                f"--calls names call {n}, but {execution.script} made {len(by_number)} calls "
                "that were watched",
                "`whydiff record` and `whydiff show` list them with their numbers.",
            )
    return by_number[wanted[0]], by_number[wanted[1]]


def call_at(execution: Execution, line: int) -> Call:
    """The last call from that line of the script; WhydiffError where there is none."""
    at_line = [c for c in execution.in_order() if line in [f.line for f in c.stack]]
    if not at_line:
        lines = sorted({n for c in execution.in_order() if (n := line_of(c)) is not None})
        raise WhydiffError(
            f"no call was watched at line {line} of {execution.script}",
            f"There are calls at lines {', '.join(map(str, lines)) or 'none'}.",
        )
    return at_line[-1]


def asked_for(
    execution: Execution,
    numbers: tuple[int, int],
    lines: tuple[int, int] | None = None,
    metric: str | None = None,
) -> Disagreement | None:
    """What is known of two calls that a person chose by their numbers or by the lines that made
    them: that they disagree, or that a score agrees; None where nothing is."""
    found = disagreements(execution, metric)
    agreeing = [
        Disagreement(call, score, best._replace(relative=0.0), SCORED)
        for call, score, distances in _score_pairs(execution, execution.calls)
        for best in [min(distances, key=lambda d: d.relative)]
        if best.rounding
    ]
    for d in (*found, *agreeing):
        if {number_of(d.a), number_of(d.b)} == {*numbers}:
            return d
    for d in found if lines else ():
        places = [{frame.line for frame in call.stack} for call in (d.a, d.b)]
        if any(a in places[0] and b in places[1] for a, b in permutations(lines or (), 2)):
            return d
    return None


def chosen(a: Call, b: Call, metric: str | None = None) -> Disagreement:
    """Two calls that a person chose, whatever they measured."""
    if isinstance(a, MeasuringCall) and isinstance(b, MeasuringCall):
        apart = distance(a, b, metric)
        if apart is None:
            apart = Distance(0.0 if same_result(a, b) else 1.0, False, "outputs")
        same = _same_samples(a, b) or a.kind == "built" == b.kind
        return Disagreement(a, b, apart, RUN, "" if same else ROWS_CORRESPOND)
    if isinstance(a, Fit) and isinstance(b, MeasuringCall):
        found = next(fit_pairs(a, b, metric), None)
        if found is not None:
            return found
    logs = [values_of(call) for call in (a, b)]
    common = [n for n in ordered(list(logs[0])) if n in logs[1] and metric in (None, n)]
    apart_all = [number(n, float(logs[0][n]), float(logs[1][n])) for n in common]
    told = next((d for d in apart_all if not d.rounding), None)
    return Disagreement(a, b, told or Distance(1.0, False, "loss"), LOGGED, FIT_ROWS)
