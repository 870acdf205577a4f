"""By which lines a program first reaches a place, as far as its text shows that."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from whydiff.script_text.edits import Script
from whydiff.script_text.imports import Names

_DEEPEST = 5


@dataclass(frozen=True, eq=False)
class Text:
    """A file of a program; ``module`` is the last part of its name, "" for the script itself."""

    script: Script
    names: Names
    module: str = ""


def lines_to(texts: Sequence[Text], text: Text, node: ast.expr) -> tuple[int, ...] | None:
    """The lines of the calls and imports that lead from the script's top level to a node, and its
    own.

    Of two places the one with the smaller lines is reached first. A function that is handed to
    another one, as to ``map``, counts as called there. None where only methods lead to the node.
    """
    return _lines_to(texts, text, node, 0)


def _lines_to(
    texts: Sequence[Text], text: Text, node: ast.expr | ast.stmt, depth: int
) -> tuple[int, ...] | None:
    scope = text.script.scope(node)
    if isinstance(scope, ast.Module) and not text.module:
        return (node.lineno,)
    if depth > _DEEPEST:
        return None
    places: Iterator[tuple[Text, ast.expr | ast.stmt]]
    if isinstance(scope, ast.Module):
        places = iter(()) if _only_as_script(text, node) else _imports(texts, text)
    elif scope in text.script.tree.body and not isinstance(scope, ast.ClassDef):
        places = _calls(texts, text, scope.name)
    else:
        return None
    found = (_lines_to(texts, caller, place, depth + 1) for caller, place in places)
    above = min((lines for lines in found if lines is not None), default=None)
    return None if above is None else (*above, node.lineno)


def _only_as_script(text: Text, node: ast.AST) -> bool:
    """Whether a node stands below ``if __name__ == ...``, which an import leaves out."""
    around = (one for one in text.script.ancestors(node) if isinstance(one, ast.If))
    return any("__name__" in ast.unparse(one.test) for one in around)


def _imports(texts: Sequence[Text], text: Text) -> Iterator[tuple[Text, ast.stmt]]:
    """The statements of other files that import a file, which runs its top level."""
    for caller in texts:
        for node in ast.walk(caller.script.tree) if caller is not text else ():
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            named = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom):
                named.append(node.module or "")
            if any(name.rpartition(".")[2] == text.module for name in named):
                yield caller, node


def _calls(texts: Sequence[Text], text: Text, function: str) -> Iterator[tuple[Text, ast.expr]]:
    def named_by(caller: Text, node: ast.expr) -> bool:
        called = caller.names.dotted(node)
        if caller is text:
            return called == function
        return bool(text.module) and f".{called}".endswith(f".{text.module}.{function}")

    for caller in texts:
        for call in (n for n in ast.walk(caller.script.tree) if isinstance(n, ast.Call)):
            yield from (
                (caller, call) for node in (call.func, *call.args) if named_by(caller, node)
            )


def mapped_in(text: Text, node: ast.expr) -> str:
    """The function around a node, where the text hands it to ``map`` of a tf.data pipeline: what
    NumPy or Python draws there is drawn once, when it is traced; "" for any other node."""
    scope = text.script.scope(node)
    if not isinstance(scope, ast.FunctionDef):
        return ""
    for call in (n for n in ast.walk(text.script.tree) if isinstance(n, ast.Call)):
        func = call.func
        mapped = isinstance(func, ast.Attribute) and func.attr == "map" and _pipeline(text, func)
        if mapped and any(text.names.dotted(a) == scope.name for a in call.args[:1]):
            return scope.name
    return ""


def _pipeline(text: Text, method: ast.Attribute) -> bool:
    """Whether what a method is called on is made by tf.data, by its own words or its name's."""
    made = [method.value]
    names = {n.id for n in ast.walk(method.value) if isinstance(n, ast.Name)}
    made += [
        n.value
        for n in ast.walk(text.script.tree)
        if isinstance(n, ast.Assign) and any(_binds(t, names) for t in n.targets)
    ]
    return any(
        text.names.called(part).startswith("tensorflow.data.")
        for value in made
        for part in ast.walk(value)
    )


def _binds(target: ast.expr, names: set[str]) -> bool:
    return isinstance(target, ast.Name) and target.id in names
