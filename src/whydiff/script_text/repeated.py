"""What a script executes again and again, and a generator made there: it has to be made once.

A seed written where a generator is made for every batch gives every batch the same numbers.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from whydiff.script_text.edits import Edit, Function, Place, Script, place_before, whole_lines
from whydiff.script_text.imports import Names
from whydiff.script_text.own_seed import own_seeds

#: methods that Keras and torch call for every batch, every epoch or every row
_CALLED_OFTEN = re.compile(
    r"call|__call__|__getitem__|__next__|(train|test|predict)_step|compute_(loss|metrics)"
    r"|on_(train_|test_|predict_)?(batch|epoch)_(begin|end)"
)
#: what calls a function that it is given once for every element
_FOR_EACH = ("map", "apply", "numpy_function", "py_function", "filter", "starmap", "Lambda")
_REPEATING = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp,
              ast.GeneratorExp)  # fmt: skip


def executed_often(script: Script, node: ast.AST) -> bool:
    """Whether a script's text says that a node is executed many times within one training."""
    return _often(script, node, frozenset())


def _often(script: Script, node: ast.AST, seen: frozenset[str]) -> bool:
    function = _function_around(script, node)
    if function is None:
        return False  # a loop of the module itself goes over folds, trials or settings
    if _in_loop(script, node, function) or _CALLED_OFTEN.fullmatch(function.name):
        return True
    if function.name in seen:
        return False
    seen |= {function.name}
    uses = _uses(script, function.name)
    return any(_given_to_map(script, use) or _often(script, use, seen) for use in uses)


def _function_around(script: Script, node: ast.AST) -> Function | None:
    return next((a for a in script.ancestors(node) if isinstance(a, Function)), None)


def _in_loop(script: Script, node: ast.AST, function: Function) -> bool:
    """Whether a loop of its function repeats a node, unless it goes over whole trainings."""
    inner = node
    for around in script.ancestors(node):
        if around is function:
            return False
        first = (
            getattr(around, "iter", None) if isinstance(around, ast.For | ast.AsyncFor) else None
        )
        if isinstance(around, _REPEATING) and inner is not first and not _trains(around):
            return True
        inner = around
    return False


def _trains(loop: ast.AST) -> bool:
    return any(isinstance(n, ast.Attribute) and n.attr == "fit" for n in ast.walk(loop))


def _uses(script: Script, name: str) -> Iterator[ast.expr]:
    """Where a function is named: called, or given to another one."""
    for node in ast.walk(script.tree):
        named = isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
        method = isinstance(node, ast.Attribute) and node.attr == name
        if (named or method) and isinstance(node, ast.Name | ast.Attribute):
            yield node


def _given_to_map(script: Script, use: ast.expr) -> bool:
    call = next((a for a in script.ancestors(use) if isinstance(a, ast.Call)), None)
    if call is None or call.func is use:
        return False
    called = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
    return called in _FOR_EACH


def made_once(
    script: Script,
    names: Names,
    call: ast.Call,
    seeded: Callable[[str], str],
    seed: Callable[[ast.AST], str],
) -> tuple[Edit, ...]:
    """Edits that make a generator once, outside of the function that asks for it; () if unclear.

    ``seeded`` writes the call with a seed in it, ``seed`` gives the one known at a statement.
    """
    outermost = [a for a in script.ancestors(call) if isinstance(a, ast.stmt)][-1]
    place = _place(script, names, outermost)
    if place is None:
        return ()
    uses, name = _uses_of(script, call)
    if not uses:
        return ()
    line = f"{name} = {seeded(seed(place.statement))}"
    definition = isinstance(place.statement, ast.FunctionDef | ast.ClassDef)
    new = place.insert(line)
    if definition:  # two blank lines around it, as the file has them
        new = Edit(new.start, new.end, new.new + place.newline * 2)
    return (new, *uses)


def made_before_loop(
    script: Script,
    call: ast.Call,
    seeded: Callable[[str], str],
    seed: Callable[[ast.AST], str],
) -> tuple[Edit, ...]:
    """Edits that make a generator above the loop that makes it anew, where the function around it
    yields: whoever goes through it again gets the same numbers. () for any other."""
    function = _function_around(script, call)
    if function is None or not any(_yields(script, n, function) for n in ast.walk(function)):
        return ()
    around = [a for a in script.ancestors(call) if isinstance(a, ast.stmt)]
    inside = around[: around.index(function)] if function in around else []
    loop = next((a for a in reversed(inside) if isinstance(a, ast.For | ast.While)), None)
    place = place_before(script, loop) if loop is not None and not _trains(loop) else None
    uses, name = _uses_of(script, call)
    if place is None or not uses:
        return ()
    return (place.insert(f"{name} = {seeded(seed(place.statement))}"), *uses)


def _yields(script: Script, node: ast.AST, function: Function) -> bool:
    return isinstance(node, ast.Yield | ast.YieldFrom) and script.scope(node) is function


def _uses_of(script: Script, call: ast.Call) -> tuple[tuple[Edit, ...], str]:
    """The edits by which a generator made elsewhere takes the place of this one, and its name."""
    statement = script.parent[call]
    own = _only_name(script, statement)
    if own:
        cut = whole_lines(script, statement) if isinstance(statement, ast.stmt) else None
        return ((cut,) if cut is not None else ()), own
    return (() if _taken(script, "rng") else (Edit(*script.span(call), "rng"),)), "rng"


def _place(script: Script, names: Names, outermost: ast.stmt) -> Place | None:
    """Before the function or class; where the script's seed comes later, just below that."""
    for seed in own_seeds(script, names):
        block = _block(script, seed.statement)
        later = seed.statement.lineno > outermost.lineno and not seed.unset
        if later and block and _function_around(script, seed.statement) is None:
            following = block[block.index(seed.statement) + 1 :][:1]
            return place_before(script, following[0]) if following else None
    return place_before(script, outermost)


def _block(script: Script, statement: ast.stmt) -> list[ast.stmt]:
    parent = script.parent[statement]
    blocks = (getattr(parent, name, []) for name in ("body", "orelse"))
    return next((b for b in blocks if isinstance(b, list) and statement in b), [])


def _only_name(script: Script, statement: ast.AST) -> str:
    """The name that the statement gives the generator, if nothing else in the script binds it."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return ""
    target = statement.targets[0]
    if not isinstance(target, ast.Name):
        return ""
    return target.id if _bindings(script, target.id) == 1 else ""


def _taken(script: Script, name: str) -> bool:
    used = (n for n in ast.walk(script.tree) if isinstance(n, ast.Name))
    return _bindings(script, name) > 0 or any(n.id == name for n in used)


def _bindings(script: Script, name: str) -> int:
    """How often a name is bound, by whatever statement."""
    count = 0
    for node in ast.walk(script.tree):
        match node:
            case ast.Name(ctx=ast.Store() | ast.Del()):
                count += node.id == name
            case ast.arg():
                count += node.arg == name
            case ast.FunctionDef() | ast.ClassDef() | ast.AsyncFunctionDef():
                count += node.name == name
            case ast.Import() | ast.ImportFrom():
                count += any((a.asname or a.name).partition(".")[0] == name for a in node.names)
    return count
