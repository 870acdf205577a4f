"""Where a script makes a source of data that gives its rows in another order at every pass."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from whydiff.script_text.dataflow import deciding
from whydiff.script_text.edits import last_name, parse
from whydiff.script_text.imports import Names

#: Positions at which functions of libraries take whether to shuffle, None where it has a name only.
_LOADER = 2
_SHUFFLED_BY_DEFAULT = ("flow_from_directory", "flow_from_dataframe", "flow")


class Shuffled(NamedTuple):
    """A call that shuffles: its file and line, the function, and how it is told not to."""

    file: str
    line: int
    function: str
    argument: str


def shuffled_at(texts: Mapping[str, str], file: str, line: int) -> Shuffled | None:
    """The call that makes the data given to a model at ``line`` of ``file`` come in another order
    at every pass; None where none or several do.

    ``texts`` are a program's own files by their paths.
    """
    way = deciding(texts, file, line, chained=False)
    if way is None:
        return None
    found = [
        one
        for name, text in texts.items()
        if name in way.lines
        for one in _calls(name, text)
        if (name, one.line) in way
    ]
    return found[0] if len(found) == 1 else None


def _calls(file: str, text: str) -> Iterator[Shuffled]:
    script = parse(text)
    names = Names(script)
    for node in ast.walk(script.tree):
        if not isinstance(node, ast.Call):
            continue
        function = last_name(node.func)
        argument = _argument(node, function, names.called(node))
        if argument:
            # Of a chain over several lines the method's own one.
            line = (node.func.end_lineno or node.lineno) if function == "shuffle" else node.lineno
            yield Shuffled(file, line, function, argument)


def _argument(call: ast.Call, function: str, called: str) -> str:
    """How a call is told not to shuffle at every pass, "" where it does not."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if function == "shuffle" and isinstance(call.func, ast.Attribute):
        again = [given.get("reshuffle_each_iteration"), *call.args[2:3]]
        drawn = "random" in called or not (call.args or "buffer_size" in given)
        return "" if drawn or any(map(_is_false, again)) else "reshuffle_each_iteration=False"
    shuffle = given.get("shuffle")
    if function == "DataLoader":
        shuffle = shuffle or next(iter(call.args[_LOADER : _LOADER + 1]), None)
        off = shuffle is None or _is_false(shuffle)
        return "" if off else "shuffle=False"
    default = function.endswith("_dataset_from_directory") or function in _SHUFFLED_BY_DEFAULT
    return "shuffle=False" if default and not _is_false(shuffle) else ""


def _is_false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False
