"""Models that are meant to differ: folds of a cross-validation, members of an ensemble.

Seeding them alike would take away what they are for; a seed inside a loop over epochs would
repeat one epoch's order for ever. No proposal does either.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from whydiff.fixes.spots import Spot
from whydiff.script_text.edits import Script, statement_at

_FOLDS = ("fold", "train_index", "train_idx", "test_index", "test_idx", "val_index", "val_idx",
          "held_out")  # fmt: skip
_MEMBERS = re.compile(r"ensemble|committee|(^|_)members?($|_)|bagg(ed|ing)", re.IGNORECASE)
_TOGETHER = re.compile(r"mean|average|median|vote|mode|sum|stack|concatenate", re.IGNORECASE)


def meant_to_differ(script: Script, files: frozenset[str], spots: Sequence[Spot]) -> str:
    """A sentence where the places repeat for folds or for members of an ensemble, else ""."""
    for spot in spots:
        for loop in _loops(script, files, spot):
            if is_fold_loop(loop):
                return (
                    f"The loop in line {loop.lineno} trains the folds of a cross-validation: they "
                    "differ intentionally in their rows, and nothing has to make them agree."
                )
            name = _collected(loop, script)
            if name and (_MEMBERS.search(name) or _combined(script, name)):
                return (
                    f"The models of line {loop.lineno} are members of an ensemble ({name}): they "
                    "differ intentionally."
                )
    return ""


def is_fold_loop(loop: ast.AST) -> bool:
    """Whether a loop or comprehension goes over the folds of a cross-validation."""
    header = _header(loop)
    if header is None:
        return False
    over, target = header
    splits = any(
        isinstance(n, ast.Call)
        and isinstance(n.func, ast.Attribute)
        and n.func.attr == "split"
        and bool(n.args)
        and not isinstance(n.args[0], ast.Constant)
        for n in ast.walk(over)
    )
    words = [n.id.lower() for n in (*ast.walk(over), *ast.walk(target)) if isinstance(n, ast.Name)]
    return splits or any(word in name for name in words for word in _FOLDS)


def _header(loop: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    if isinstance(loop, ast.For | ast.AsyncFor):
        return loop.iter, loop.target
    comprehension = _comprehension(loop)
    return (comprehension.iter, comprehension.target) if comprehension else None


def _comprehension(statement: ast.AST) -> ast.comprehension | None:
    found = (n for n in ast.walk(statement) if isinstance(n, ast.comprehension))
    simple = isinstance(statement, ast.Assign | ast.AnnAssign | ast.Return | ast.Expr)
    return next(found, None) if simple else None


def _loops(script: Script, files: frozenset[str], spot: Spot) -> Iterator[ast.stmt]:
    """Loops, and statements with a comprehension, that the place is executed in."""
    lines = [line for file, line in reversed(spot.outer) if file in files]
    for statement in (spot.place.statement, *(statement_at(script, line) for line in lines)):
        if statement is not None:
            if _comprehension(statement) is not None:
                yield statement
            yield from script.loops(statement)


def _collected(loop: ast.stmt, script: Script) -> str:
    """The name of the list that the loop or comprehension fills with what it makes."""
    if isinstance(loop, ast.Assign) and isinstance(loop.targets[0], ast.Name):
        return loop.targets[0].id
    for node in ast.walk(loop):
        match node:
            case ast.Call(func=ast.Attribute(attr="append", value=ast.Name(id=name))):
                return name
    return ""


def _combined(script: Script, name: str) -> bool:
    """Whether what the models in a list predict is brought together somewhere."""
    for call in (n for n in ast.walk(script.tree) if isinstance(n, ast.Call)):
        function = call.func.func if isinstance(call.func, ast.Call) else call.func
        if not _TOGETHER.search(ast.unparse(function).rpartition(".")[2]):
            continue
        for argument in call.args:
            for part in ast.walk(argument):
                over = isinstance(part, ast.comprehension) and any(
                    isinstance(n, ast.Name) and n.id == name for n in ast.walk(part.iter)
                )
                uses = any(isinstance(n, ast.Call) for n in ast.walk(argument) if n is not argument)
                if over and uses:
                    return True
    return False
