"""Models that are meant to differ: folds of a cross-validation, members of an ensemble, trials.

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
#: Functions of tuners and of scikit-learn that train a model several times.
_SEARCHES = frozenset({"search", "optimize", "cross_val_score", "cross_validate",
                       "cross_val_predict", "learning_curve"})  # fmt: skip


def meant_to_differ(script: Script, files: frozenset[str], spots: Sequence[Spot]) -> str:
    """A sentence where the places repeat for folds, members of an ensemble or trials, else ""."""
    for spot in spots:
        for statement in _statements(script, files, spot):
            search = _search(statement)
            if search:
                return (
                    f"{search} in line {statement.lineno} trains one model after another: such "
                    "trials differ intentionally, and nothing has to make them agree."
                )
        for loop in _loops(script, files, spot):
            if is_fold_loop(loop):
                return (
                    f"The loop in line {loop.lineno} trains the folds of a cross-validation: they "
                    "differ intentionally in their rows, and nothing has to make them agree."
                )
            name = _collected(loop)
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


def _statements(script: Script, files: frozenset[str], spot: Spot) -> Iterator[ast.stmt]:
    """The place's statement and those of the calls that led to it, innermost first."""
    lines = [line for file, line in reversed(spot.outer) if file in files]
    found = (spot.place.statement, *(statement_at(script, line) for line in lines))
    return (statement for statement in found if statement is not None)


def _search(statement: ast.stmt) -> str:
    """The call in a simple statement by which a library trains several models: ``tuner.search``."""
    if not isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign | ast.Return):
        return ""
    called = (ast.unparse(n.func) for n in ast.walk(statement) if isinstance(n, ast.Call))
    return next((name for name in called if name.rpartition(".")[2] in _SEARCHES), "")


def _loops(script: Script, files: frozenset[str], spot: Spot) -> Iterator[ast.stmt]:
    """Loops, and statements with a comprehension, that the place is executed in."""
    for statement in _statements(script, files, spot):
        if _comprehension(statement) is not None:
            yield statement
        yield from script.loops(statement)


def _collected(loop: ast.stmt) -> str:
    """The name of the list that the loop or comprehension fills with what it makes, or that the
    loop goes over."""
    if isinstance(loop, ast.Assign):
        return _name(loop.targets[0])
    for node in ast.walk(loop):
        match node:
            case ast.Call(func=ast.Attribute(attr="append", value=collection)):
                return _name(collection)
    return _name(loop.iter) if isinstance(loop, ast.For) else ""


def _name(node: ast.AST) -> str:
    """The last part of ``members`` or ``self.members``, "" for anything else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _combined(script: Script, name: str) -> bool:
    """Whether what the models in a list predict is brought together somewhere."""
    for call in (n for n in ast.walk(script.tree) if isinstance(n, ast.Call)):
        function = call.func.func if isinstance(call.func, ast.Call) else call.func
        if not _TOGETHER.search(ast.unparse(function).rpartition(".")[2]):
            continue
        for argument in call.args:
            for part in ast.walk(argument):
                over = isinstance(part, ast.comprehension) and any(
                    _name(n) == name for n in ast.walk(part.iter)
                )
                uses = any(isinstance(n, ast.Call) for n in ast.walk(argument) if n is not argument)
                if over and uses:
                    return True
    return False
