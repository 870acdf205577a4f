"""Where a script made what a line gives to a model."""

from __future__ import annotations

import ast

from whydiff.script_text.printed import definition


def given_at(module: ast.Module, line: int) -> int:
    """The line that last gave a value to the name which the call at ``line`` is given first; the
    line itself where it is given no name that is assigned."""
    name = name_given(module, line)
    made = definition(module, name, line) if name else None
    return line if made is None else made.lineno


def name_given(module: ast.Module, line: int) -> str:
    """The name which the call at ``line`` is given first, "" where that is none."""
    first = next(iter(_first_arguments(module, line)), None)
    return first.id if isinstance(first, ast.Name) else ""


def _first_arguments(module: ast.Module, line: int) -> list[ast.expr]:
    """What the innermost calls around a line are given first, as ``x`` or by position."""
    calls = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    using = [call for call in calls if getattr(call.func, "attr", "") in _METHODS] or calls[-1:]
    return [
        argument
        for call in using
        for argument in (*call.args[:1], *(k.value for k in call.keywords if k.arg == "x"))
    ]


#: Methods of a model that are given its inputs.
_METHODS = frozenset({"evaluate", "predict", "predict_on_batch", "test_on_batch"})
