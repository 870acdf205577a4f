"""Numbers that a script takes out of what evaluate returns, and what it calls them.

``print("accuracy", model.evaluate(x, y)[1])`` prints the first metric compiled, whichever that is:
a position is easily taken for another metric than the one that stands there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from whydiff.core.calls import MeasuringCall
from whydiff.recorder.measuring.formulas.frames import made_at, parsed
from whydiff.script_text.printed import (
    definition,
    function_named,
    printed_numbers,
    unpacked,
    unscaled,
)
from whydiff.script_text.quantities import measures, quantity_in

#: Assignments and functions that are followed, one behind the other.
_DEEPEST = 3


class Taken(NamedTuple):
    """A number that is printed; it is metric ``name`` of what call ``reads`` returned, where it was
    taken from ``key``: a position, or a name.

    ``quantity`` is what the text before it says that it measures, "" where it says nothing.
    """

    reads: int
    key: int | str
    name: str
    quantity: str
    value: float

    @property
    def mistaken(self) -> bool:
        """Whether the text says another quantity than the metric measures."""
        return bool(self.quantity) and not measures(self.quantity, self.name)

    def stands_beside(self, other: Taken) -> bool:
        """Whether a reader takes the numbers of two calls for one metric, and they are two."""
        if self.reads == other.reads or self.name == other.name:
            return False
        if isinstance(self.key, str) or isinstance(other.key, str):  # the script names the metric
            by_name = isinstance(self.key, str) and isinstance(other.key, str)
            return by_name and not (self.quantity or other.quantity)
        unsaid = "" in (self.quantity, other.quantity)
        return self.key == other.key and (unsaid or self.quantity == other.quantity)


class _Place(NamedTuple):
    """Where a number is taken from: ``key`` of ``value``, an expression at ``line`` that is given
    to ``names``, and that functions called at ``outer`` return."""

    value: ast.expr
    key: int | str
    line: int
    names: Sequence[str]
    outer: Sequence[ast.expr]


def taken_numbers(frame: Any, calls: Mapping[int, MeasuringCall]) -> Iterator[Taken]:
    """The numbers among what a frame of the script has just printed that come from what evaluate
    returned. ``calls`` are those of evaluate so far, by number."""
    file, line = frame.f_code.co_filename, frame.f_lineno
    module = parsed(file)
    if module is None:
        return
    for label, node in printed_numbers(module, line):
        place = _place(module, _Place(unscaled(node), "", line, (), ()))
        call = None if place is None else _evaluated(module, place, file, calls)
        if place is None or call is None:
            continue
        names = call.returned
        key = place.key
        if isinstance(key, int) and -len(names) <= key < len(names):
            key, name = key % len(names), names[key]
        elif isinstance(key, str) and key in names:
            name = key
        else:
            continue
        quantity = quantity_in(label) or next(filter(None, map(quantity_in, place.names)), "")
        # What the model was not compiled with is called by some name of the script's own.
        known = any(measures(quantity, one) for one in names) if quantity else False
        yield Taken(call.number, key, name, quantity if known else "", call.values[name])


def _place(module: ast.Module, at: _Place) -> _Place | None:
    """Where a printed expression takes its number from; ``at`` holds it as the value."""
    if len(at.names) + len(at.outer) > _DEEPEST:
        return None
    match at.value:
        case ast.Subscript(value=value, slice=ast.Constant(value=int() | str() as key)):
            return at._replace(value=value, key=key)
        case ast.Subscript(
            value=value,
            slice=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(position))),
        ):
            return at._replace(value=value, key=-position)
        case ast.Name(id=name):
            apart = unpacked(module, name, at.line)
            names = (*at.names, name)
            if apart is not None:
                return at._replace(value=apart[0], key=apart[1], names=names)
            value_of = definition(module, name, at.line)
            if value_of is not None:
                return _place(module, at._replace(value=unscaled(value_of), names=names))
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) as call:
            function = function_named(module, name)
            returned = (
                [n for n in ast.walk(function) if isinstance(n, ast.Return)] if function else []
            )
            if len(returned) == 1 and returned[0].value is not None:
                return _place(module, at._replace(
                    value=unscaled(returned[0].value), line=returned[0].lineno,
                    outer=(*at.outer, call),
                ))  # fmt: skip
    return None


def _evaluated(
    module: ast.Module, place: _Place, file: str, calls: Mapping[int, MeasuringCall]
) -> MeasuringCall | None:
    """The last call of evaluate whose result is the value of a place."""
    match place.value:
        case ast.Name(id=name):
            defined = definition(module, name, place.line)
            if defined is None or len(place.names) > _DEEPEST:  # x = x goes on for ever
                return None
            names = (*place.names, name)
            return _evaluated(module, place._replace(value=defined, names=names), file, calls)
        case ast.Call(
            func=ast.Name(id="list" | "tuple"),
            args=[ast.Call(func=ast.Attribute(value=value, attr="values"), args=[])],
        ):
            return _evaluated(module, place._replace(value=value), file, calls)
        case ast.Call(func=ast.Attribute(attr="evaluate" | "test_on_batch")) as node:
            inside = {n: call for n, call in calls.items() if _through(call, place.outer, file)}
            return made_at(node, file, inside)
    return None


def _through(call: MeasuringCall, outer: Sequence[ast.expr], file: str) -> bool:
    """Whether a call was made through these calls of functions of a file."""
    lines = [frame.line for frame in call.stack if Path(frame.file) == Path(file)]
    return all(
        any(node.lineno <= line <= (node.end_lineno or node.lineno) for line in lines)
        for node in outer
    )
