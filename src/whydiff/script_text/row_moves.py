"""Lines that move the rows of one array and leave those of the arrays beside it where they are."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whydiff.script_text.edits import Script, last_name

#: return the rows of what they are given in another order
_PERMUTING = frozenset({"permutation", "permuted", "shuffle"})
#: put several arrays into one, whose rows then move together
_JOINING = frozenset(
    {"zip", "c_", "hstack", "column_stack", "concatenate", "concat", "merge", "join", "stack",
     "range", "arange", "listdir", "glob"}
)  # fmt: skip


def moves_alone(script: Script) -> Iterator[tuple[int, str]]:
    """Lines that shuffle one array, each with what it does: ``rng.shuffle(x) moves ...``.

    Not those of numbers that choose rows of arrays, nor of what holds several arrays at once.
    """
    for node in ast.walk(script.tree):
        moved = _moved(script, node)
        if moved and isinstance(node, ast.stmt) and not _takes_others_along(script, node, moved):
            text = script.segment(node).partition("\n")[0]
            yield node.lineno, f"`{text}` moves the rows of {moved} alone"


def _moved(script: Script, node: ast.AST) -> str:
    """The array whose rows a statement puts in another order, "" if it does not."""
    value = getattr(node, "value", None)
    if isinstance(node, ast.Expr) and isinstance(value, ast.Call):
        shuffles = last_name(value.func) == "shuffle" and len(value.args) == 1
        return _array(value.args[0]) if shuffles and not value.keywords else ""
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return ""
    target = _array(node.targets[0])
    if not target:
        return ""
    if isinstance(value, ast.Call):
        return _returned(script, value, target)
    if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Name):
        order = value.slice.id
        return _array(value.value) if _is_permutation(script, node, order) else ""
    return ""


def _returned(script: Script, call: ast.Call, target: str) -> str:
    """The array whose rows a call gives back in another order."""
    function = last_name(call.func)
    held = _array(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    given = _array(call.args[0]) if len(call.args) == 1 else ""
    if function == "sample":
        return held if any(k.arg == "frac" for k in call.keywords) else ""
    if function == "shuffle" and held and _zipped(script, target):
        return held  # of a pipeline, whose argument is the size of its buffer
    return given if function in _PERMUTING else ""


def _zipped(script: Script, name: str) -> bool:
    """Whether a pipeline is put beside another by ``zip`` once it is shuffled."""
    return any(
        isinstance(node, ast.Call)
        and last_name(node.func) == "zip"
        and any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(node))
        for node in ast.walk(script.tree)
    )


def _is_permutation(script: Script, at: ast.stmt, order: str) -> bool:
    """Whether a name holds an order of rows that was drawn in the same function."""
    scope = script.scope(at)
    made = [
        node.value
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign) and any(_array(t) == order for t in node.targets)
    ]
    drawn = any(
        isinstance(value, ast.Call) and last_name(value.func) in ("permutation", "permuted")
        for value in made
    )
    shuffled = any(
        isinstance(node, ast.Call)
        and last_name(node.func) == "shuffle"
        and [_array(a) for a in node.args] == [order]
        for node in ast.walk(scope)
    )
    return bool(made) and (drawn or shuffled)


def _takes_others_along(script: Script, at: ast.stmt, moved: str) -> bool:
    """Whether what moves are numbers of rows, or several arrays in one, or others move alike."""
    scope = script.scope(at)
    nodes = list(ast.walk(scope))
    if any(isinstance(n, ast.Subscript) and _array(n.slice) == moved for n in nodes):
        return True
    if any(isinstance(n, ast.For) and _array(n.iter) == moved for n in nodes):
        return True
    assigned = (n for n in nodes if isinstance(n, ast.Assign))
    made = [n.value for n in assigned if any(_array(t) == moved for t in n.targets)]
    if any(last_name(part) in _JOINING for value in made for part in ast.walk(value)):
        return True
    order = getattr(getattr(at, "value", None), "slice", None)
    if not isinstance(order, ast.Name):
        return False
    chosen = {
        _array(n.value)
        for n in nodes
        if isinstance(n, ast.Subscript) and _array(n.slice) == order.id
    }
    return len(chosen) > 1


def _array(node: ast.AST) -> str:
    """What an expression names: ``x``, ``self.x`` or ``data['x']``; "" where it names nothing."""
    inner = node
    while isinstance(inner, ast.Attribute | ast.Subscript):
        inner = inner.value
    whole = isinstance(node, ast.Name | ast.Attribute) or (
        isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)
    )
    return ast.unparse(node) if whole and isinstance(inner, ast.Name) else ""
