"""Files that a script reads only if they are there: what one run leaves, the next one finds."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from whydiff.script_text.edits import Script, last_name
from whydiff.script_text.imports import Names

_THERE = frozenset(
    {"exists", "isfile", "is_file", "isdir", "is_dir", "listdir", "glob", "latest_checkpoint"}
)
_DATABASES = frozenset({"sqlite3.connect", "shelve.open", "dbm.open"})
_MAKES = re.compile(r"save(?!fig)\w*|dump|to_(csv|pickle|parquet|json|feather|hdf)")
_MISSING = frozenset({"FileNotFoundError", "OSError", "IOError", "Exception"})


def goes_on_from_files(script: Script, names: Names) -> list[tuple[int, str]]:
    """Lines with what they do otherwise where an earlier run has left something, in order: they
    load or make a file by whether one is there, or go on in a database."""
    found = {
        call.lineno: what
        for node in ast.walk(script.tree)
        for part, missing in _guarded(node)
        for call in ast.walk(part)
        if isinstance(call, ast.Call) and (what := _loads_or_makes(call, missing))
    }
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Call) and names.called(node) in _DATABASES and not _in_memory(node):
            found.setdefault(node.lineno, "opens a database, whatever is in it")
    return sorted(found.items())


def _guarded(node: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """What is executed or not by whether a file is there; and whether it is where none is."""
    if isinstance(node, ast.If) and _asks(node.test):
        missing = isinstance(node.test, ast.UnaryOp)
        yield from ((part, missing) for part in node.body)
        yield from ((part, not missing) for part in node.orelse)
    elif isinstance(node, ast.IfExp) and _asks(node.test):
        yield from ((node.body, False), (node.orelse, False))
    elif isinstance(node, ast.Try) and any(_of_missing_file(h.type) for h in node.handlers):
        yield from ((part, False) for part in node.body)
        yield from ((part, True) for handler in node.handlers for part in handler.body)


def _asks(test: ast.expr) -> bool:
    return any(isinstance(n, ast.Call) and last_name(n.func) in _THERE for n in ast.walk(test))


def _of_missing_file(caught: ast.expr | None) -> bool:
    return caught is None or any(last_name(n) in _MISSING for n in ast.walk(caught))


def _loads_or_makes(call: ast.Call, missing: bool) -> str:
    word = last_name(call.func).lower()
    if word.startswith(("load", "restore")) or word in ("read_pickle", "from_pretrained"):
        return "loads a file if it is there"
    return "makes a file only if none is there" if missing and _MAKES.fullmatch(word) else ""


def _in_memory(call: ast.Call) -> bool:
    return any(isinstance(a, ast.Constant) and a.value in ("", ":memory:") for a in call.args)
