"""What a call ended with, and how far two results are apart."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from whydiff.core.calls import EXPORTED, MeasuringCall, Output
from whydiff.core.recording import Fit
from whydiff.core.words import count
from whydiff.diagnosis.divergence import identical
from whydiff.stats.ulp import is_rounding

Call = Fit | MeasuringCall

#: What two calls are compared by where that is no metric.
OUTPUTS, WEIGHTS = "outputs", "weights"


class Distance(NamedTuple):
    """``relative`` to the larger of both (0: equal bits); ``rounding``: no more than that.

    ``metric`` is the metric's name, "outputs" or "weights"; ``a`` and ``b`` its values, None
    where it is no number.
    """

    relative: float
    rounding: bool
    metric: str
    a: float | None = None
    b: float | None = None


def kind_of(call: Call) -> str:
    """ "fit", "loop" or a kind of measuring call."""
    if isinstance(call, MeasuringCall):
        return call.kind
    return "loop" if call.notes.get("data") in ("loop", "train_on_batch") else "fit"


def number_of(call: Call) -> int:
    """Its number among all calls of the execution."""
    return call.number if isinstance(call, MeasuringCall) else call.call or call.index


def line_of(call: Call) -> int | None:
    """The line of the user's code that called."""
    return call.stack[-1].line if call.stack else None


def lines_of(a: Call, b: Call) -> tuple[int | None, int | None]:
    """The lines by which a reader tells two calls apart: where they were made or, if that is one
    line of a function that the script calls twice, where it was called."""
    lines = line_of(a), line_of(b)
    if lines[0] == lines[1]:
        for one, other in zip(a.stack, b.stack, strict=False):
            if (one.file, one.line) != (other.file, other.line):
                return one.line, other.line
    return lines


def place_of(call: Call, line: int | None = None) -> str:
    """``line 24``, ``cell 3, line 1`` in a notebook, ``utils.py, line 24`` where it is not the
    script itself that called, "" where that is not known; ``line`` in place of the one that
    called."""
    line = line_of(call) if line is None else line
    if not line:
        return ""
    frame = next((frame for frame in reversed(call.stack) if frame.line == line), None)
    if frame is None:
        return f"line {line}"
    file = "" if frame.file == call.stack[0].file else frame.name
    where = frame.in_cell or file
    return f"{where}, line {line}" if where else f"line {line}"


def said(call: Call, line: int | None = None) -> str:
    """``predict at line 24``; ``line`` in place of the line that called."""
    place = place_of(call, line)
    kind = {"call": "the model called", "built": "the model built", "score": "the score"}
    name = kind.get(kind_of(call), kind_of(call))
    if isinstance(call, MeasuringCall) and call.score:
        name = call.score.name
    if isinstance(call, MeasuringCall) and EXPORTED in call.notes:
        path, function = call.notes[EXPORTED]
        name = f"the exported model ({function} of {path})"
    if isinstance(call, MeasuringCall) and call.notes.get("joined"):
        name = f"the {len(call.notes['joined'])} calls of {name}"
    if isinstance(call, MeasuringCall) and call.notes.get("part"):
        name = f"{count(len(call.notes['part']), 'row')} of {name}"
    if isinstance(call, MeasuringCall) and call.notes.get("validation of"):
        return "its own validation"
    return f"{name} at {place}" if place else name


def said_both(a: Call, b: Call) -> tuple[str, str]:
    """Two calls in words, with lines that tell them apart where there are any."""
    one, other = lines_of(a, b)
    return said(a, one), said(b, other)


def described(call: Call, line: int | None = None) -> dict[str, Any]:
    """A side of the answer, as the JSON holds it; ``line`` in place of the line that called."""
    told: dict[str, Any] = {
        "call": kind_of(call),
        "line": line_of(call) if line is None else line,
        "number": number_of(call),
        "model": call.model,
        "text": call.stack[-1].text if call.stack else "",
        "values": dict(values_of(call)),
    }
    place = place_of(call, told["line"])
    if ", " in place:  # more than the line
        told["place"] = place
    if isinstance(call, Fit):
        told["fit"] = call.index
    elif call.score:
        told["name"] = call.score.name
    elif call.notes.get("validation of"):
        told["name"] = "validation"
    elif EXPORTED in call.notes:
        told["name"] = "the exported model"
    return told


def values_of(call: Call) -> Mapping[str, float]:
    """Metrics by name: those of the last epoch of a fit."""
    if isinstance(call, MeasuringCall):
        return call.values
    return call.epochs[-1].logs if call.epochs else {}


def same_result(a: Call, b: Call) -> bool:
    """Whether two calls ended with the same bits."""
    if isinstance(a, Fit) or isinstance(b, Fit):
        return isinstance(a, Fit) and isinstance(b, Fit) and identical(a, b)
    if a.kind == b.kind == "built":
        weights = [[t.digest for t in call.recipe.weights] for call in (a, b)]
        return weights[0] == weights[1] and a.recipe.architecture == b.recipe.architecture
    return _same_values(a.values, b.values) and _same_outputs(a.outputs, b.outputs)


def _same_values(a: Mapping[str, float], b: Mapping[str, float]) -> bool:
    return a.keys() == b.keys() and all(_bits(a[k]) == _bits(b[k]) for k in a)


def _bits(value: float) -> bytes:
    return struct.pack("<d", value)


def _same_outputs(a: tuple[Output, ...], b: tuple[Output, ...]) -> bool:
    return len(a) == len(b) and all(
        np.array_equal(x.rows, y.rows) for x, y in zip(a, b, strict=True)
    )


def distance(a: MeasuringCall, b: MeasuringCall, metric: str | None = None) -> Distance | None:
    """How far two measuring calls are apart; None where they measured nothing comparable.

    By the metric of that name, or else by the first one compiled that differs, the loss last; by
    outputs where calls have no metrics; by weights where the models were only built.
    """
    if a.kind == b.kind == "built":
        return _weights(a, b)
    common = [name for name in a.values if name in b.values]
    if metric is not None and metric != OUTPUTS:
        return number(metric, a.values[metric], b.values[metric]) if metric in common else None
    if common:
        told = [number(name, a.values[name], b.values[name]) for name in ordered(common)]
        return next((d for d in told if not d.rounding), max(told, key=lambda d: d.relative))
    return _outputs(a, b)


def ordered(names: list[str]) -> list[str]:
    """Metrics in the order in which a person looks at them: losses last."""
    return sorted(names, key=lambda name: name == "loss" or name.endswith("_loss"))


def number(name: str, a: float, b: float) -> Distance:
    """Two numbers of one metric."""
    if _bits(a) == _bits(b) or (math.isnan(a) and math.isnan(b)):
        return Distance(0.0, True, name, a, b)
    scale = max(abs(a), abs(b))
    relative = abs(a - b) / scale if math.isfinite(scale) and scale else 1.0
    relative = relative if math.isfinite(relative) else 1.0
    return Distance(relative, is_rounding(relative, np.dtype(np.float32)), name, a, b)


def _weights(a: MeasuringCall, b: MeasuringCall) -> Distance | None:
    one, two = a.recipe.weights, b.recipe.weights
    if [t.shape for t in one] != [t.shape for t in two] or not one:
        return None
    differing = sum(x.digest != y.digest for x, y in zip(one, two, strict=True))
    if not differing and a.recipe.architecture != b.recipe.architecture:
        return Distance(1.0, False, OUTPUTS)  # how far is measured on a probe of inputs
    return Distance(differing / len(one), differing == 0, WEIGHTS)


def _outputs(a: MeasuringCall, b: MeasuringCall) -> Distance | None:
    if not a.outputs or [o.shape for o in a.outputs] != [o.shape for o in b.outputs]:
        return None
    if _same_outputs(a.outputs, b.outputs):
        return Distance(0.0, True, OUTPUTS)
    gap = size = 0.0
    rounding = True
    for x, y in zip(a.outputs, b.outputs, strict=True):
        one, two = (_finite(output) for output in (x, y))
        if one is None or two is None:
            rows = np.asarray(x.rows != y.rows).any(axis=-1)
            return Distance(float(np.mean(rows)) if rows.size else 1.0, False, OUTPUTS)
        gap += float(np.sum((one - two) ** 2))
        size += max(float(np.sum(one**2)), float(np.sum(two**2)))
        coarse = x.dtype if _epsilon(x.dtype) >= _epsilon(y.dtype) else y.dtype
        scale = max(float(np.linalg.norm(one)), float(np.linalg.norm(two))) or 1.0
        near = float(np.linalg.norm(one - two)) / scale
        rounding = rounding and x.dtype == y.dtype and is_rounding(near, np.dtype(_known(coarse)))
    relative = math.sqrt(gap / size) if size else 0.0
    return Distance(min(relative, 2.0), rounding, OUTPUTS)


def _finite(output: Output) -> np.ndarray | None:
    """Values that have a distance; None where they were not kept or one is no number."""
    values = None if output.values is None else np.asarray(output.values, np.float64)
    return None if values is None or not np.isfinite(values).all() else values


def _known(dtype: str) -> str:
    return dtype if dtype in ("float16", "float32", "float64") else "float32"


def _epsilon(dtype: str) -> float:
    return float(np.finfo(_known(dtype)).eps) if dtype != "bfloat16" else 2.0**-8


def scope(calls: Sequence[Call]) -> str:
    """What was watched: ``2 fits, 1 evaluate and 3 predictions``."""
    words = {
        "fit": "fit", "loop": "training loop", "evaluate": "evaluate", "predict": "prediction",
        "call": "direct call", "built": "model only built", "score": "score",
    }  # fmt: skip
    kinds = [kind for call in calls for kind in [kind_of(call)] * _calls_in(call)]
    parts = [_counted(kinds.count(kind), word) for kind, word in words.items() if kind in kinds]
    if len(parts) < 2:
        return "".join(parts) or "nothing"
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _calls_in(call: Call) -> int:
    """How many calls one stands for: those of a loop, or itself."""
    return len(call.notes.get("joined") or (call,)) if isinstance(call, MeasuringCall) else 1


def _counted(n: int, word: str) -> str:
    if word == "model only built":
        return "1 model only built" if n == 1 else f"{n} models only built"
    return count(n, word)
