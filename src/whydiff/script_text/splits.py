"""Splits, samples, searches of scikit-learn and pandas that draw from NumPy's global generator."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from whydiff.script_text.edits import Edit, Script, keyword_edit
from whydiff.script_text.imports import Names
from whydiff.script_text.samplers import drawn_from_python

_SHUFFLING = ("train_test_split", "shuffle", "resample")
_SEARCHING = ("ParameterSampler", "RandomizedSearchCV", "HalvingRandomSearchCV")


def drawn_from_numpy(call: ast.Call, names: Names) -> str:
    """The function, where a call draws from NumPy's global generator unless it is told otherwise;
    "" for any other call."""
    given = {k.arg: k.value for k in call.keywords}
    if None in given or _value(given.get("random_state")) is not None:
        return ""
    called = names.called(call)
    if not called.startswith("sklearn."):
        samples = isinstance(call.func, ast.Attribute) and call.func.attr == "sample"
        return "sample" if samples and "frac" in given else ""
    function = called.rpartition(".")[2]
    shuffle = _value(given.get("shuffle"))
    if function in _SHUFFLING:
        return "" if shuffle is False else function
    folds = function.endswith(("KFold", "Split")) and shuffle is True
    made = function.startswith("make_") and called.startswith("sklearn.datasets")
    return function if folds or made or function in _SEARCHING else ""


def seeded_splits(
    script: Script, names: Names, seed: Callable[[ast.AST], str], repeated: bool = False
) -> Iterator[tuple[Edit, int, str]]:
    """Edits that give each such call a ``random_state``, or a tuner a ``seed``, with their lines.

    None of one that a loop repeats, unless asked for: it would take the same rows each time.
    """
    for call in (n for n in ast.walk(script.tree) if isinstance(n, ast.Call)):
        function, parameter = drawn_from_numpy(call, names), "random_state"
        if not function:
            function, parameter = drawn_from_python(call, names), "seed"
        if function and (repeated or not _repeated(script, call)):
            edit = keyword_edit(script, call, parameter, seed(call))
            yield edit, call.lineno, f"{function} gets a {parameter}"


def _repeated(script: Script, call: ast.Call) -> bool:
    """Whether a loop goes through the call again and again; once for what a loop goes over."""
    inner: ast.AST = call
    for around in script.ancestors(call):
        over = getattr(around, "iter", None)
        if isinstance(around, ast.For | ast.AsyncFor | ast.While) and inner is not over:
            return True
        inner = around
    return False


def _value(node: ast.expr | None) -> object:
    """A constant's value, None where nothing is given; ``...`` for what is computed."""
    if node is None:
        return None
    return node.value if isinstance(node, ast.Constant) else ...
