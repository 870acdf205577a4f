"""Numbers that a script takes out of the list that evaluate returns, and what it calls them.

``print("accuracy", model.evaluate(x, y)[1])`` prints the first metric compiled, whichever that is:
a position is easily taken for another metric than the one that stands there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from whydiff.core.calls import MeasuringCall
from whydiff.recorder.measuring.formulas.frames import made_at, parsed
from whydiff.script_text.printed import definition, printed_numbers, unpacked, unscaled
from whydiff.script_text.quantities import measures, quantity_in


class Taken(NamedTuple):
    """A number that is printed as ``quantity``; it stands at ``position`` in the list that call
    ``reads`` returned, where another metric stands."""

    reads: int
    position: int
    quantity: str
    value: float


def taken_for_another(frame: Any, calls: Mapping[int, MeasuringCall]) -> Iterator[Taken]:
    """The numbers among what a frame of the script has just printed that are another metric than
    the text says. ``calls`` are those of evaluate so far, by number."""
    file, line = frame.f_code.co_filename, frame.f_lineno
    module = parsed(file)
    if module is None:
        return
    for label, node in printed_numbers(module, line):
        place = _position(module, unscaled(node), line, [])
        if place is None:
            continue
        value, position, names = place
        call = _evaluated(module, value, line, file, calls)
        listed = [] if call is None else list(call.notes.get("listed") or ())
        if call is None or not 0 <= position < len(listed):
            continue
        quantity = quantity_in(label) or next(filter(None, map(quantity_in, names)), "")
        others = [name for name in listed if quantity and measures(quantity, name)]
        if others and not measures(quantity, listed[position]):
            yield Taken(call.number, position, quantity, call.values[listed[position]])


def _position(
    module: ast.Module, node: ast.expr, line: int, names: list[str]
) -> tuple[ast.expr, int, list[str]] | None:
    """The list that a number is taken from, its position there, and names that it is given."""
    match node:
        case ast.Subscript(value=value, slice=ast.Constant(value=int(position))):
            return value, position, names
        case ast.Name(id=name) if len(names) < 3:
            apart = unpacked(module, name, line)
            if apart is not None:
                return *apart, [*names, name]
            value_of = definition(module, name, line)
            if value_of is not None:
                return _position(module, unscaled(value_of), line, [*names, name])
    return None


def _evaluated(
    module: ast.Module, node: ast.expr, line: int, file: str, calls: Mapping[int, MeasuringCall]
) -> MeasuringCall | None:
    """The last call of evaluate whose result an expression is."""
    if isinstance(node, ast.Name):
        defined = definition(module, node.id, line)
        return None if defined is None else _evaluated(module, defined, line, file, calls)
    match node:
        case ast.Call(func=ast.Attribute(attr="evaluate" | "test_on_batch"), keywords=keywords):
            if any(keyword.arg == "return_dict" for keyword in keywords):
                return None
        case _:
            return None
    return made_at(node, file, calls)
