"""Whether two runs of a script may go on at once, as far as its text says.

Each runs on a scratch copy. Abstains where one could meet the other all the same: where a place
outside may be named, which C libraries open unseen, or where a clock decides, which two runs that
begin together read alike.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

from whydiff.script_text.edits import Script, last_name

#: Modules that tell the time, share memory, call C or read settings from files.
_MODULES = frozenset((
    "time", "datetime", "timeit", "calendar", "ctypes", "cffi", "mmap", "yaml", "toml", "tomllib",
    "tomli", "configparser", "hydra", "omegaconf", "dotenv", "gin", "pwd", "shelve", "dbm",
))  # fmt: skip
#: Names by which a place elsewhere, the time or memory that processes share is asked for.
_NAMES = frozenset((
    "expanduser", "expandvars", "home", "gettempdir", "gettempdirb", "parents", "now", "today",
    "utcnow", "timestamp", "times", "shared_memory", "SharedMemory", "ShareableList",
))  # fmt: skip
#: What begins a path that leads away from the folder, or a part of one that does.
_ELSEWHERE = re.compile(r"(/|~|[A-Za-z]:[\\/]|[a-z0-9]+:///?|.*(^|[\\/])\.\.([\\/]|$))")
#: Text of these is none: what is fetched through the network is seen.
_FETCHED = re.compile(r"https?://")
_TRAINS = frozenset({"fit", "fit_generator", "train_on_batch"})
_REPEATS = (
    ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
)  # fmt: skip


def stays_apart(script: Script, environment: Mapping[str, str]) -> bool:
    """Whether a text names no place outside of the folders it lies and runs in, and no clock.

    ``environment`` is that of its process: a value that it asks for may be a path.
    """
    return not any(_leads_away(script, node, environment) for node in ast.walk(script.tree))


def leads_elsewhere(text: str) -> bool:
    """Whether a text may be a path away from the folder, or end in one: ``--out=/tmp/x``."""
    parts = (text, text.partition("=")[2])
    return any(_ELSEWHERE.match(part) and not _FETCHED.match(part) for part in parts)


def trains_once_at_most(scripts: Iterable[Script]) -> bool:
    """Whether no text shows that a run trains twice: then two runs are compared, most likely."""
    found = [(script, call) for script in scripts for call in _trainings(script)]
    return not found or (len(found) == 1 and not _repeated(*found[0], set()))


def _leads_away(script: Script, node: ast.AST, environment: Mapping[str, str]) -> bool:
    if isinstance(node, ast.Import):
        return any(name.name.partition(".")[0] in _MODULES for name in node.names)
    if isinstance(node, ast.ImportFrom):
        imported = {(node.module or "").partition(".")[0], *(name.name for name in node.names)}
        return not imported.isdisjoint(_MODULES | _NAMES)
    if isinstance(node, ast.Constant):
        value = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
        if not isinstance(value, str) or isinstance(script.parent.get(node), ast.Expr):
            return False
        return leads_elsewhere(value if _begins(script, node) else value.lstrip("/"))
    if isinstance(node, ast.Attribute | ast.Name):
        return (
            last_name(node) in _NAMES or _goes_up(script, node) or _asks(script, node, environment)
        )
    return False


def _begins(script: Script, node: ast.Constant) -> bool:
    """Whether nothing comes before a text: in ``f"{folder}/x"`` and ``folder + "/x"`` some does."""
    parent = script.parent.get(node)
    if isinstance(parent, ast.JoinedStr):
        return parent.values[0] is node
    return not (isinstance(parent, ast.BinOp) and parent.right is node)


def _goes_up(script: Script, node: ast.Attribute | ast.Name) -> bool:
    """Whether a folder above another one is named, unless that is a file's own folder."""
    if last_name(node) == "dirname":
        call = script.parent.get(node)
        within = ast.walk(call) if isinstance(call, ast.Call) else ()
        above = ("dirname", "getcwd")
        return any(part is not node and last_name(part) in above for part in within)
    if isinstance(node, ast.Attribute) and node.attr == "parent":
        inner: ast.expr = node.value
        while isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
            inner = inner.func.value  # .resolve(), .absolute()
        of_file = isinstance(inner, ast.Call) and any(
            last_name(argument) == "__file__" for argument in inner.args
        )
        return not of_file
    return False


def _asks(script: Script, node: ast.Attribute | ast.Name, environment: Mapping[str, str]) -> bool:
    """Whether a variable of the environment is asked for whose value may be a path elsewhere."""
    if last_name(node) not in ("environ", "getenv"):
        return False
    parent = script.parent.get(node)
    if isinstance(parent, ast.Attribute) and parent.attr in ("get", "setdefault", "pop"):
        parent = script.parent.get(parent)
    if isinstance(parent, ast.Subscript):
        if not isinstance(parent.ctx, ast.Load):
            return False
        names: list[ast.expr] = [parent.slice]
    elif isinstance(parent, ast.Call):
        names = parent.args[:1]
    else:  # all of it, perhaps
        asks_whether = isinstance(parent, ast.Compare)
        return not asks_whether and not (
            isinstance(parent, ast.Attribute) and parent.attr == "update"
        )
    name = names[0].value if names and isinstance(names[0], ast.Constant) else None
    return not isinstance(name, str) or leads_elsewhere(environment.get(name, ""))


def _trainings(script: Script) -> Iterator[ast.Call]:
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Call) and last_name(node.func) in _TRAINS:
            yield node


def _repeated(script: Script, node: ast.AST, seen: set[str]) -> bool:
    """Whether a node is executed more than once, as far as this text shows."""
    above = list(script.ancestors(node))
    if any(isinstance(one, _REPEATS) for one in above):
        return True
    functions = [one for one in above if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    for function in functions:
        if function.name in seen:
            continue
        calls = [
            one
            for one in ast.walk(script.tree)
            if isinstance(one, ast.Call) and last_name(one.func) == function.name
        ]
        seen.add(function.name)
        if len(calls) > 1 or any(_repeated(script, call, seen) for call in calls):
            return True
    return False
