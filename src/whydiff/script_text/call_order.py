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
    """The lines of the calls that lead from the script's top level to a node, and its own.

    Of two places the one with the smaller lines is reached first. None where only methods,
    imports or what is handed to others lead there.
    """
    return _lines_to(texts, text, node, 0)


def _lines_to(
    texts: Sequence[Text], text: Text, node: ast.expr, depth: int
) -> tuple[int, ...] | None:
    scope = text.script.scope(node)
    if isinstance(scope, ast.Module):
        return None if text.module else (node.lineno,)
    if scope not in text.script.tree.body or isinstance(scope, ast.ClassDef) or depth > _DEEPEST:
        return None
    found = (
        _lines_to(texts, caller, call, depth + 1)
        for caller, call in _calls(texts, text, scope.name)
    )
    above = min((lines for lines in found if lines is not None), default=None)
    return None if above is None else (*above, node.lineno)


def _calls(texts: Sequence[Text], text: Text, function: str) -> Iterator[tuple[Text, ast.Call]]:
    for caller in texts:
        for node in ast.walk(caller.script.tree):
            called = caller.names.called(node)
            here = caller is text and called == function
            there = caller is not text and f".{called}".endswith(f".{text.module}.{function}")
            if isinstance(node, ast.Call) and (here or (there and bool(text.module))):
                yield caller, node
