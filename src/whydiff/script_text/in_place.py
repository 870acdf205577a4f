"""Lines that write into an array that a script goes on to use."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whydiff.script_text.edits import Script, last_name

#: Methods and functions that write into what they are given or belong to.
_WRITING = frozenset(
    {"shuffle", "sort", "fill", "partition", "put", "itemset", "resize", "preprocess_input",
     "copyto", "place", "putmask", "fill_diagonal", "nan_to_num", "add_", "sub_", "mul_", "div_"}
)  # fmt: skip


def writes_into(script: Script, name: str, after: int, before: int) -> Iterator[tuple[int, str]]:
    """Lines between two others that write into the array ``name``: the line and its text."""
    for node in ast.walk(script.tree):
        if isinstance(node, ast.stmt) and after < node.lineno < before and _writes(node, name):
            yield node.lineno, script.segment(node).partition("\n")[0]


def _writes(node: ast.stmt, name: str) -> bool:
    if isinstance(node, ast.AugAssign):
        return _base(node.target) == name
    if isinstance(node, ast.Assign):
        stored = [t for t in node.targets if isinstance(t, ast.Subscript)]
        if any(_base(target) == name for target in stored):
            return True
    if not isinstance(node, ast.Expr | ast.Assign) or not isinstance(node.value, ast.Call):
        return False
    call = node.value
    if any(k.arg == "out" and _base(k.value) == name for k in call.keywords):
        return True
    if last_name(call.func) not in _WRITING:
        return False
    held = _base(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    copied = last_name(call.func) == "nan_to_num" and not _has_copy_off(call)
    return not copied and name in (held, _base(call.args[0]) if call.args else "")


def _has_copy_off(call: ast.Call) -> bool:
    return any(
        k.arg == "copy" and isinstance(k.value, ast.Constant) and k.value.value is False
        for k in call.keywords
    )


def _base(node: ast.expr) -> str:
    """The name of an array or of the one that a part is taken from."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
