"""Calls that answered piece by piece what another call answered at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from whydiff.core.calls import MeasuringCall, joined_call, part_of
from whydiff.core.recording import Execution
from whydiff.diagnosis.calls.loops import training_steps
from whydiff.diagnosis.calls.pairs.alike import (
    alike_fed,
    one_model,
    same_samples,
    trained_weights_of,
    weights_of,
)
from whydiff.diagnosis.calls.pairs.disagreement import Disagreement
from whydiff.diagnosis.calls.pairs.measured import of_calls
from whydiff.stats.correspondence import FEWEST_ROWS


def of_loops(
    execution: Execution, own: Sequence[MeasuringCall], metric: str | None
) -> Iterator[Disagreement]:
    """What a loop predicts piece by piece, against what one call predicts of all of it."""
    for whole, other in product(in_pieces(execution.calls), own):
        numbers = whole.notes["joined"]
        alike = one_model(whole, other) and other.kind in ("predict", "call")
        if not alike or other.number in numbers:
            continue
        sizes = [len(c.recipe.inputs.rows("x")) for c in (whole, other)]
        if sizes[0] != sizes[1] or not alike_fed(whole, other):
            continue
        yield from of_calls(execution, other, whole, metric)


def of_parts(
    execution: Execution, own: Sequence[MeasuringCall], metric: str | None
) -> Iterator[Disagreement]:
    """Some rows predicted on their own, one by one or at once, against the call that predicted
    them among others. Rows that are rounded otherwise there are no disagreement."""
    for part, few in (*rows_alone(execution, own), *_in_another_form(execution, own)):
        pairs = of_calls(execution, part, few, metric)
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


def rows_alone(
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
    loops = list(in_pieces(execution.calls))
    pieces = {number for loop in loops for number in loop.notes["joined"]}
    alone = [call for call in wholes if call.number not in pieces]
    for few, whole in product([*loops, *alone], wholes):
        rows = [call.recipe.inputs.rows("x") for call in (few, whole)]
        alike = one_model(few, whole) and weights_of(few) == weights_of(whole)
        if not (alike and 0 < len(rows[0]) < len(rows[1]) and alike_fed(few, whole)):
            continue
        cut = {call.recipe.inputs.unit for call in (few, whole)} == {"sample"}
        if cut and all(len(o.rows) == len(rows[1]) for o in whole.outputs):
            yield few, whole


def in_pieces(calls: Sequence[MeasuringCall]) -> Iterator[MeasuringCall]:
    """Calls of one line, model and weights, fed piece by piece, as one call for all of them. A
    model that a function loads for every piece is one model."""
    groups: dict[tuple[object, ...], list[MeasuringCall]] = {}
    models = _first_alike(calls)
    steps = training_steps(calls)
    for call in calls:
        if call.kind in ("predict", "call") and call.finished and call.number not in steps:
            place = tuple((f.file, f.line) for f in call.stack)
            key = (call.kind, models[call.model_number], place, tuple(trained_weights_of(call)),
                   tuple(leaf.path for leaf in call.recipe.inputs.leaves),
                   tuple((o.name, o.shape[1:]) for o in call.outputs))  # fmt: skip
            groups.setdefault(key, []).append(call)
    for group in groups.values():
        cut = all(c.recipe.inputs.unit == "sample" and c.outputs for c in group)
        counted = any("further calls of this line" in c.notes for c in group)
        if len(group) > 1 and cut and not counted and not same_samples(group[0], group[1]):
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
