"""The calls and events of an execution in their order, a line each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from whydiff.core.calls import Event, MeasuringCall, Output
from whydiff.core.digests import ordered_digest
from whydiff.core.recording import Execution, Fit
from whydiff.core.stack import Frame
from whydiff.core.words import count, number
from whydiff.report.blocks import Table
from whydiff.report.evidence import plain

#: Calls that one line makes in a row are shown one by one up to so many.
ONE_BY_ONE = 4

Entry = Fit | MeasuringCall | Event


def calls_table(execution: Execution) -> Table | None:
    """Every fit, call and event in order; None where nothing but fits was watched."""
    if not execution.calls and not execution.events:
        return None
    rows = []
    for _, group in itertools.groupby(_in_order(execution), _place):
        entries = list(group)
        if len(entries) <= ONE_BY_ONE:
            rows += [_row(entry) for entry in entries]
            continue
        first, last = entries[0], entries[-1]
        heads = [_row(first), _row(last)]
        rows += [heads[0]]
        rows.append(("", f"{len(entries) - 2} more", heads[0][2], heads[0][3], ""))
        rows.append(heads[1])
    return Table(
        ("Call", "What", "At", "Model", "Gave"),
        tuple(rows),
        "Calls and events, in order",
        numbers=frozenset({"Call"}),
        legend="Only calls have a number; rows without one are events that changed a model.",
    )


def _in_order(execution: Execution) -> Iterator[Entry]:
    events = list(execution.events)
    for call in execution.in_order():
        begun = call.call if isinstance(call, Fit) else call.number
        while events and events[0].after_call < begun:
            yield events.pop(0)
        yield call
    yield from events


def _place(entry: Entry) -> tuple[Any, ...]:
    kind = "fit" if isinstance(entry, Fit) else entry.kind
    frame = entry.stack[-1] if entry.stack else None
    return (type(entry).__name__, kind, frame and frame.file, frame and frame.line)


def _row(entry: Entry) -> tuple[str, ...]:
    at = _at(entry.stack)
    if isinstance(entry, Fit):
        logs = entry.epochs[-1].logs if entry.epochs else {}
        loop = "loop" if entry.notes.get("kind") == "loop" else "fit"
        return (str(entry.call or ""), loop, at, entry.model, _metrics(logs))
    model = f"{entry.model_number}: {entry.model}" if entry.model else ""
    if isinstance(entry, Event):
        return ("", entry.kind, at, model, _event(entry.facts))
    return (str(entry.number), _kind(entry), at, model, gave(entry))


def _kind(call: MeasuringCall) -> str:
    unfinished = "" if call.finished else ", not finished"
    return f"{call.notes.get('method', call.kind)}{unfinished}"


def _at(stack: Sequence[Frame]) -> str:
    return f"{PurePath(stack[-1].file).name}:{stack[-1].line}" if stack else ""


def gave(call: MeasuringCall) -> str:
    """The numbers of a call: its metrics, or shape and mean of its outputs."""
    if call.values:
        told = _metrics(call.values)
        if call.score is not None:
            told += f" ({call.score.function} of call {call.score.reads})"
        return told
    if call.kind == "built":
        parameters = sum(int(np.prod(t.shape)) for t in call.recipe.weights)
        return f"neither trained nor called; {count(parameters, 'parameter')}"
    return "; ".join(_output(output) for output in call.outputs)


def _output(output: Output) -> str:
    name = f"{output.name}: " if output.name else ""
    told = f"{name}{output.dtype} ({plain(list(output.shape))})"
    values = output.values
    if values is not None and values.size and values.dtype.kind in "biuf":
        return f"{told}, mean {number(float(np.mean(values, dtype=np.float64)))}"
    return f"{told}, digest {ordered_digest(output.rows)[:8]}"


def _metrics(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {number(value)}" for name, value in values.items())


def _event(facts: Mapping[str, Any]) -> str:
    told = {k: v for k, v in facts.items() if v not in (None, "", [], False)}
    return ", ".join(f"{key} {plain(value)}" for key, value in told.items())
