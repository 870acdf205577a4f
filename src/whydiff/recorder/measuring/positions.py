"""Numbers that a script takes out of what evaluate returns, and what it calls them.

``print("accuracy", model.evaluate(x, y)[1])`` prints the first metric compiled, whichever that is:
a position is easily taken for another metric than the one that stands there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from whydiff.core.calls import SUMMED, MeasuringCall
from whydiff.recorder.measuring.formulas.frames import made_at, names_in, parsed
from whydiff.script_text.printed import (
    added,
    definition,
    function_named,
    named_in_loop,
    printed_numbers,
    root_of,
    unpacked,
    unscaled,
    zipped,
)
from whydiff.script_text.quantities import measures, quantity_in

#: Assignments and functions that are followed, one behind the other.
_DEEPEST = 3


class Taken(NamedTuple):
    """A number that is printed; it is metric ``name`` of what call ``reads`` returned, where it was
    taken from ``key``: a position, or a name.

    ``quantity`` is what the text before it says that it measures, "" where it says nothing;
    ``said`` the metric of the call that the script pairs the position with. ``root`` says that its
    square root is printed. Of a sum of metrics the name is ``a_loss + b_loss``.
    """

    reads: int
    key: int | str
    name: str
    quantity: str
    value: float
    said: str = ""
    root: bool = False

    @property
    def mistaken(self) -> bool:
        """Whether the text says another quantity than the metric measures, or the script pairs its
        position with another metric."""
        if self.said:
            return self.said != self.name
        return bool(self.quantity) and not measures(self.quantity, self.name)

    def stands_beside(self, other: Taken) -> bool:
        """Whether a reader takes the numbers of two calls for one metric, and they are two."""
        if self.reads == other.reads or self.name == other.name or SUMMED in self.name + other.name:
            return False
        if isinstance(self.key, str) or isinstance(other.key, str):  # the script names the metric
            by_name = isinstance(self.key, str) and isinstance(other.key, str)
            return by_name and not (self.quantity or other.quantity)
        unsaid = "" in (self.quantity, other.quantity)
        return self.key == other.key and (unsaid or self.quantity == other.quantity)


class _Place(NamedTuple):
    """Where a number is taken from: ``key`` of ``value``, an expression at ``line`` that is given
    to ``names``, and that functions called at ``outer`` return; ``said`` and ``root`` as in
    :class:`Taken`."""

    value: ast.expr
    key: int | str
    line: int
    names: Sequence[str]
    outer: Sequence[ast.expr]
    said: str = ""
    root: bool = False


def taken_numbers(frame: Any, calls: Mapping[int, MeasuringCall]) -> Iterator[Taken]:
    """The numbers among what a frame of the script has just printed that come from what evaluate
    returned. ``calls`` are those of evaluate so far, by number."""
    file, line = frame.f_code.co_filename, frame.f_lineno
    module = parsed(file)
    if module is None:
        return
    for label, node in printed_numbers(module, line):
        defined = definition(module, node.id, line) if isinstance(node, ast.Name) else None
        parts = added(defined) if defined is not None else []
        parts = parts if len(parts) > 1 else added(unscaled(node))
        found = [
            [
                one
                for place in _places(module, part, frame)
                if (call := _evaluated(module, place, file, calls)) is not None
                and (one := _taken(place, call, label)) is not None
            ]
            for part in parts
        ]
        yield from found[0] if len(parts) == 1 else _summed(found)


def _summed(parts: Sequence[Sequence[Taken]]) -> Iterator[Taken]:
    """The sum of several metrics of one call, each of them once."""
    addends = [part[0] for part in parts if len(part) == 1 and not part[0].root]
    names = [one.name for one in addends]
    if len({one.reads for one in addends}) == 1 and len({*names}) == len(parts):
        name = SUMMED.join(names)
        yield Taken(addends[0].reads, name, name, "", sum(one.value for one in addends))


def _taken(place: _Place, call: MeasuringCall, label: str) -> Taken | None:
    """The number at a place in what a call returned, printed behind a label."""
    names, key = call.returned, place.key
    if key == "" and len(names) == 1 and "listed" not in call.notes:  # it returned a number
        key = 0
    if isinstance(key, int) and -len(names) <= key < len(names):
        key, name = key % len(names), names[key]
    elif isinstance(key, str) and key in names:
        name = key
    else:
        return None
    quantity = quantity_in(label) or next(filter(None, map(quantity_in, place.names)), "")
    # What the model was not compiled with is called by some name of the script's own; of a mean
    # square the root is another quantity.
    known = quantity and not place.root and any(measures(quantity, one) for one in names)
    said = place.said if place.said in names else _called(label, place.names, name, names)
    value = call.values[name]
    return Taken(call.number, key, name, quantity if known else "", value, said, place.root)


def _called(label: str, variables: Sequence[str], name: str, metrics: Sequence[str]) -> str:
    """The one metric, other than ``name``, that a variable is called like or whose words are all in
    a label, ``second accuracy`` of ``second_accuracy``; "" where there is none."""
    for variable in variables:
        if variable in metrics:
            return variable if variable != name else ""
    words = {*re.findall(r"[a-z0-9]+", label.lower())}
    in_label = [m for m in metrics if "_" in m and {*m.lower().split("_")} <= words]
    return in_label[0] if len(in_label) == 1 and in_label[0] != name else ""


def _places(module: ast.Module, node: ast.expr, frame: Any) -> Iterator[_Place]:
    """Where a printed expression takes its numbers from: those of a whole dictionary, where names
    of the script's own are paired with what evaluate returned."""
    line = frame.f_lineno
    match node:
        case ast.Subscript(value=inner, slice=ast.Constant(value=str(name))):
            paired = _paired(module, inner, frame)
            if paired is not None:
                yield from (place for place in paired if place.said == name)
                return
        case ast.Name(id=name):
            looped = named_in_loop(module, name, line)
            paired = _paired(module, looped[1] if looped else node, frame)
            if paired is not None:
                said = names_in(frame).get(looped[0]) if looped else None
                yield from (place for place in paired if said in (None, place.said))
                return
    found = _place(module, _Place(node, "", line, (), ()))
    if found is not None:
        yield found


def _paired(module: ast.Module, node: ast.expr, frame: Any) -> list[_Place] | None:
    """The positions of a list that ``zip`` pairs with names; None where it is no such list."""
    pair = zipped(module, node, frame.f_lineno)
    if pair is None:
        return None
    match pair[0]:
        case ast.Name(id=name):
            names = names_in(frame).get(name)
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            names = [e.value if isinstance(e, ast.Constant) else None for e in elements]
        case _:
            return None
    if not isinstance(names, list | tuple):
        return None
    return [
        _Place(pair[1], k, frame.f_lineno, (), (), name)
        for k, name in enumerate(names)
        if isinstance(name, str)
    ]


def _place(module: ast.Module, at: _Place) -> _Place | None:
    """Where a printed expression takes its number from; ``at`` holds it as the value."""
    if len(at.names) + len(at.outer) > _DEEPEST:
        return None
    inner = root_of(at.value)
    if inner is not None:
        return _place(module, at._replace(value=inner, root=True))
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
        case ast.Call(func=ast.Attribute(attr="evaluate" | "test_on_batch")):
            return at
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
