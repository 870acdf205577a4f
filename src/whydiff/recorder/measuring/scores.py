"""Which watched prediction a metric function was given, and in what shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from whydiff.core.calls import CallRecipe, Inputs, Leaf, MeasuringCall, Output, Score
from whydiff.core.interrupting import pass_on
from whydiff.core.scoring import TABLES
from whydiff.core.stack import Frame
from whydiff.core.transformations import transformation
from whydiff.recorder.describe.values import PLAIN
from whydiff.recorder.measuring.rows import rows_of_structure

#: Names of the argument that holds the labels.
_LABELS = ("y_true", "labels_true")


@dataclass(frozen=True, eq=False)
class Scored:
    """A metric function that was called, with its arguments by name and what it gave."""

    function: str
    arguments: Mapping[str, Any]
    result: Any
    stack: tuple[Frame, ...]


def score(
    scored: Scored, number: int, outputs: Mapping[int, MeasuringCall], to_numpy: Any
) -> tuple[MeasuringCall, tuple[Any, ...]] | None:
    """What was scored as a call that measures, with the predictions and the labels that it was
    given; None where it read no watched output.

    An output that was given as the labels counts where none was given as the predictions.
    """
    function, arguments = scored.function, scored.arguments
    arrays = {name: array for name, value in arguments.items() for array in _array(value, to_numpy)}
    for name in sorted(arrays, key=lambda name: name in _LABELS):
        read = read_output(arrays[name], outputs)
        if read is None:
            continue
        call, output, transformation = read
        label_name = next((n for n in arrays if n != name), None)
        leaves, rows = [], np.empty((0, 2), np.uint64)
        for role, part in (("x", name), ("y", label_name)):
            if part is None:
                continue
            (found,) = rows_of_structure(arrays[part], lambda value: np.asarray(value))
            leaves.append(Leaf(role, part, found.dtype, found.shape[1:], found.rows))
            rows = found.rows if role == "y" else rows
        settings = {
            key: value
            for key, value in arguments.items()
            if key not in arrays and isinstance(value, PLAIN)
        }
        values, given = _result(function, scored.result, to_numpy)
        if function in TABLES and label_name is not None and "sample_weight" not in arguments:
            right = arrays[name].reshape(-1) == arrays[label_name].reshape(-1)
            values = {"accuracy": float(np.mean(right)), **values}
        made = MeasuringCall(
            number,
            "score",
            call.model,
            call.model_number,
            scored.stack,
            CallRecipe(
                inputs=Inputs(
                    tuple(leaves),
                    np.array([len(leaves[0].rows)], np.int64),
                    facts={"source": "arrays", "seen": True},
                ),
                measurement={"function": function, **settings},
                backend=call.recipe.backend,
            ),
            given,
            values,
            score=Score(
                function, call.number, output, transformation, rows, settings, name in _LABELS
            ),
        )
        return made, tuple(np.array(arrays[p]) for p in (name, label_name) if p is not None)
    return None


def _array(value: Any, to_numpy: Any) -> Iterator[np.ndarray]:
    """``value`` as an array of numbers or texts, where it is one."""
    if isinstance(value, (*PLAIN, dict)):
        return
    try:
        array = np.asarray(value) if not hasattr(value, "dtype") else np.asarray(to_numpy(value))
    except Exception as error:
        pass_on(error)
        return
    if array.ndim and array.size:
        yield array


def _result(
    function: str, result: Any, to_numpy: Any
) -> tuple[dict[str, float], tuple[Output, ...]]:
    name = function.rpartition(".")[2]
    if isinstance(result, Mapping):
        return dict(_flat("", result)), ()
    for array in _array(result, to_numpy):
        if array.dtype.kind in "biuf":
            (rows,) = rows_of_structure(array, lambda value: np.asarray(value))
            return {}, (Output("", rows.dtype, rows.shape, rows.rows, np.array(array)),)
    try:
        return {name: float(result)}, ()
    except (TypeError, ValueError):
        return {}, ()


def _flat(prefix: str, result: Mapping[Any, Any]) -> Iterator[tuple[str, float]]:
    for key, value in result.items():
        name = f"{prefix}/{key}" if prefix else str(key)
        if isinstance(value, Mapping):
            yield from _flat(name, value)
        elif isinstance(value, (int, float, np.number)):
            yield name, float(value)


def read_output(
    array: np.ndarray, outputs: Mapping[int, MeasuringCall]
) -> tuple[MeasuringCall, str, str] | None:
    """(call, name of its output, what was done to it), the latest call first."""
    latest = sorted(outputs, reverse=True)
    for call, output in ((outputs[n], output) for n in latest for output in outputs[n].outputs):
        done = None if output.values is None else transformation(output.values, array)
        if done is not None:
            return call, output.name, done
    return None
