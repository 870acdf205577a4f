"""What a frame of the script holds: its text, its names, and what came beside a batch."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.calls import MeasuringCall
from whydiff.recorder.measuring.formulas.functions import PREDICTING
from whydiff.script_text.printed import assigned, called_alone, counting_around

#: Bytes of what is kept of a loop's names beside one batch.
_MOST_BESIDE = 1 << 20


#: By the number of a call in a loop of the script: what the loop's names stood for.
Beside = Mapping[int, Mapping[str, np.ndarray]]


def beside(
    frame: Any, line: int, rows: int, to_numpy: Callable[[Any], Any]
) -> Mapping[str, np.ndarray]:
    """What the names of a loop around a line stand for beside the batch of so many rows that is
    predicted there: labels, as a rule. Of the batch itself only its length."""
    ready, fed = _names_of_loop(frame.f_code.co_filename, line)
    if not ready:
        return {}
    found, names = {}, names_in(frame)
    for name in sorted(ready & names.keys()):
        value = names[name]
        if not hasattr(type(value), "__array__") or tuple(np.shape(value))[:1] != (rows,):
            continue
        found[name] = np.empty((rows, 0)) if name in fed else np.array(to_numpy(value))
    return {name: array for name, array in found.items() if array.nbytes <= _MOST_BESIDE}


def thrown_away(frame: Any, method: str, model: Any) -> bool:
    """Whether the line that a frame is in does nothing but call things, among them a model's
    ``method``: the result is nobody's business (a call that builds the model, say)."""
    for func in _called_alone(frame.f_code.co_filename, frame.f_lineno):
        match func:
            case ast.Attribute(attr=name) if name == method:
                return True
            case ast.Name(id=name) if names_in(frame).get(name) is model:
                return True
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                if getattr(names_in(frame).get(name), "__dict__", {}).get(attribute) is model:
                    return True
    return False


@functools.lru_cache(maxsize=256)
def _called_alone(file: str, line: int) -> list[ast.expr]:
    module = parsed(file) if file.endswith(".py") else None  # a cell shows what it ends with
    return called_alone(module, line) if module else []


@functools.lru_cache(maxsize=256)
def _names_of_loop(file: str, line: int) -> tuple[frozenset[str], frozenset[str]]:
    """The names that a counting loop around a line has given a value when it comes there, and those
    that the calls at the line are given; none where there is no such loop."""
    module = parsed(file)
    loop = module and counting_around(module, line)
    if not loop:
        return frozenset(), frozenset()
    fed = {
        n.id
        for call in ast.walk(loop)
        if isinstance(call, ast.Call)
        and call.lineno <= line <= (call.end_lineno or line)
        and not any(isinstance(n, ast.Call) for n in ast.walk(call) if n is not call)
        for part in (*call.args, *(keyword.value for keyword in call.keywords))
        for n in ast.walk(part)
        if isinstance(n, ast.Name)
    }
    before = [part for part in ast.walk(loop) if getattr(part, "end_lineno", line) < line]
    ready = {name for part in (loop.target, *before) for name in assigned(part)}
    return frozenset(ready), frozenset(fed)


def names_in(frame: Any) -> dict[str, Any]:
    """What the names of a frame stand for.

    Up to Python 3.12 a function's frame keeps what it was asked for, and would keep alive what the
    function deletes.
    """
    found = {**frame.f_globals, **frame.f_locals}
    if frame.f_code.co_flags & inspect.CO_OPTIMIZED and type(frame.f_locals) is dict:
        frame.f_locals.clear()
    return found


@functools.lru_cache(maxsize=32)
def parsed(file: str) -> ast.Module | None:
    """The syntax tree of a file of the script, in which what is appended to a list is added to it;
    None where there is none."""
    text = "".join(linecache.getlines(file))
    try:
        return _Appended().visit(ast.parse(text)) if text else None
    except (SyntaxError, ValueError, RecursionError):
        return None


class _Appended(ast.NodeTransformer):
    """Turns ``found.append(value)`` into ``found += [value]``, ``extend`` into ``+=``, and a list
    of what is computed from predictions, one after the other, into a loop that adds to it."""

    def visit_Assign(self, node: ast.Assign) -> Any:
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.ListComp(
                    elt=value, generators=[ast.comprehension(ifs=[], is_async=0) as each]
                ),
            ) if _predicts(value):
                begin = ast.Assign(node.targets, ast.List([], ast.Load()))
                listed = ast.List([value], ast.Load())
                added = ast.AugAssign(ast.Name(name, ast.Store()), ast.Add(), listed)
                loop = ast.For(each.target, each.iter, [added], [])
                for part in (begin, begin.value, listed, added.target, added, loop):
                    ast.copy_location(part, node)
                return [begin, loop]
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        match node.value:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr="append" | "extend" as method),
                args=[value],
                keywords=[],
            ):
                if method == "append":
                    value = ast.copy_location(ast.List([value], ast.Load()), node)
                target = ast.copy_location(ast.Name(name, ast.Store()), node)
                return ast.copy_location(ast.AugAssign(target, ast.Add(), value), node)
        return self.generic_visit(node)


def made_at(node: ast.expr, file: str, calls: Mapping[int, MeasuringCall]) -> MeasuringCall | None:
    """The last of these calls that an expression in a file of the script made."""
    for number in sorted(calls, reverse=True):
        place = calls[number].stack[-1] if calls[number].stack else None
        if place is None or Path(place.file) != Path(file):
            continue
        if node.lineno <= place.line <= (node.end_lineno or node.lineno):
            return calls[number]
    return None


def _predicts(node: ast.expr) -> bool:
    """Whether a method that predicts is called in an expression."""
    return any(isinstance(n, ast.Attribute) and n.attr in PREDICTING for n in ast.walk(node))
