"""Files that a script reads only if they are there: what one run leaves, the next one finds."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whydiff.script_text.edits import Script, last_name

_THERE = frozenset(
    {"exists", "isfile", "is_file", "isdir", "is_dir", "listdir", "glob", "latest_checkpoint"}
)
_MISSING = frozenset({"FileNotFoundError", "OSError", "IOError", "Exception"})


def loads_if_there(script: Script) -> list[int]:
    """Lines that load or restore something only where a file is there, in the text's order."""
    found = {
        call.lineno
        for node in ast.walk(script.tree)
        for part in _guarded(node)
        for call in ast.walk(part)
        if isinstance(call, ast.Call) and _loads(call)
    }
    return sorted(found)


def _guarded(node: ast.AST) -> Iterator[ast.AST]:
    """What is executed or not by whether a file is there."""
    if isinstance(node, ast.If) and _asks(node.test):
        yield from (*node.body, *node.orelse)
    elif isinstance(node, ast.IfExp) and _asks(node.test):
        yield from (node.body, node.orelse)
    elif isinstance(node, ast.Try) and any(_of_missing_file(h.type) for h in node.handlers):
        yield from node.body


def _asks(test: ast.expr) -> bool:
    return any(isinstance(n, ast.Call) and last_name(n.func) in _THERE for n in ast.walk(test))


def _of_missing_file(caught: ast.expr | None) -> bool:
    return caught is None or any(last_name(n) in _MISSING for n in ast.walk(caught))


def _loads(call: ast.Call) -> bool:
    words = last_name(call.func).lower()
    return words.startswith(("load", "restore")) or words in ("read_pickle", "from_pretrained")
