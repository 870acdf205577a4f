"""Seeds that do not reach Keras, replaced by one that does, with the value the script passes."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from whydiff.core.recording import Side
from whydiff.fixes.proposal import Step
from whydiff.fixes.spots import Spot, own_draws
from whydiff.script_text.edits import Edit, Script, block_of
from whydiff.script_text.imports import Names

#: what Keras's own seed sets as well, so that it may take their place
_REPLACEABLE = frozenset({"numpy.random.seed", "random.seed", "tensorflow.random.set_seed"})
_HOW = (
    "Sets Keras's own seed instead of seeds that do not reach the initializers: they draw from "
    "Python's `random`."
)


def swap(script: Script, names: Names, builds: Sequence[Spot], a: Side, b: Side) -> Step | None:
    """Replace the seeds just above a build, where both builds pass one value for them."""
    if len(builds) != 1:
        return None
    place = builds[0].place
    scope = script.scope(place.statement)
    seeds = _seeds_above(script, names, place.statement)
    values = {script.segment(call.args[0]) for _, call in seeds}
    seed = names.seed_call(place.statement)
    if len(values) != 1 or seed is None or seed.needs or isinstance(scope, ast.Module):
        return None
    (value,) = values
    if not _same_value(script, scope, value, builds[0], a, b):
        return None
    first, last = seeds[0][0], seeds[-1][0]
    start = script.starts[first.lineno - 1]
    end_line = last.end_lineno or last.lineno
    end = script.starts[end_line] if end_line < len(script.lines) else len(script.text)
    if script.offset(first.lineno, first.col_offset) != start + len(place.indent):
        return None
    new = f"{place.indent}{seed.function}({value}){place.newline}"
    return Step((Edit(start, end, new),), how=_HOW)


def _seeds_above(
    script: Script, names: Names, statement: ast.stmt
) -> list[tuple[ast.Expr, ast.Call]]:
    """The unbroken run of seed calls above a statement in its block."""
    block = block_of(script, statement)
    found: list[tuple[ast.Expr, ast.Call]] = []
    for above in reversed(block[: block.index(statement)]):
        if not isinstance(above, ast.Expr) or not isinstance(above.value, ast.Call):
            break
        if names.called(above.value) not in _REPLACEABLE or len(above.value.args) != 1:
            break
        found.insert(0, (above, above.value))
    return found


def _same_value(script: Script, scope: ast.AST, value: str, spot: Spot, a: Side, b: Side) -> bool:
    """Whether both callers pass the same constant for the parameter that holds the seed."""
    if value.isdigit():
        return True
    if not isinstance(scope, ast.FunctionDef) or not spot.outer:
        return False
    parameters = [p.arg for p in (*scope.args.posonlyargs, *scope.args.args)]
    if value not in parameters:
        return False
    position, depth = parameters.index(value), len(spot.outer) - 1
    passed = set()
    for draws in own_draws(a, b):
        frames = draws[0].stack if draws else ()
        line = frames[depth].line if len(frames) > depth else 0
        passed |= set(_passed(script, scope.name, line, value, position)) or {""}
    return len(passed) == 1 and next(iter(passed)).lstrip("-").isdigit()


def _passed(script: Script, function: str, line: int, name: str, position: int) -> list[str]:
    """The arguments given for a parameter by the calls of a function on one line."""
    found = []
    for call in (n for n in ast.walk(script.tree) if isinstance(n, ast.Call)):
        called = isinstance(call.func, ast.Name) and call.func.id == function
        if called and call.lineno <= line <= (call.end_lineno or call.lineno):
            values = [k.value for k in call.keywords if k.arg == name]
            values += call.args[position : position + 1]
            found += [script.segment(v) for v in values]
    return found
