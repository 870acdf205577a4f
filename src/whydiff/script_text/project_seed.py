"""The seed that another file of a project holds (``SEED = 7`` of its ``config.py``), and how a text
that has none of its own gets at it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from whydiff.script_text.edits import Edit, Script
from whydiff.script_text.imports import Names, binds
from whydiff.script_text.own_seed import own_seeds
from whydiff.script_text.seeding import import_edit

#: a file with its syntax
Parsed = tuple[Path, Script]


@dataclass(frozen=True)
class ProjectSeed:
    """``text`` holds the seed in a file once ``edits`` have made it import the name."""

    text: str
    edits: tuple[Edit, ...]
    owner: str  # "SEED of config.py"
    below: int  # known from this character on


def project_seed(
    script: Script, names: Names, path: Path, modules: Sequence[Parsed]
) -> ProjectSeed | None:
    """The only seed that the files which a script imports hold at their top; None where there is
    none, more than one, or no way to import it."""
    held = [
        (file, text)
        for file, module in modules
        if file.resolve() != path.resolve() and (text := _at_the_top(module))
    ]
    if len(held) != 1:
        return None
    ((file, text),) = held
    name, rest = _split(text)
    owner = f"{text} of {file.name}"
    for statement, target in _importing(script, path, file):
        below = script.span(statement)[1]
        if target:  # the module itself has a name here
            return ProjectSeed(f"{target}.{text}", (), owner, below)
        assert isinstance(statement, ast.ImportFrom)
        known = {alias.name: alias.asname or alias.name for alias in statement.names}
        if name in known or "*" in known:
            return ProjectSeed(known.get(name, name) + rest, (), owner, below)
        if not binds(script.tree, name):
            last = statement.names[-1]
            end = script.offset(last.end_lineno or last.lineno, last.end_col_offset or 0)
            return ProjectSeed(text, (Edit(end, end, f", {name}"),), owner, below)
    line = _as_others_import(name, path, file, modules)
    added = import_edit(script, names, line) if line and not binds(script.tree, name) else None
    return ProjectSeed(text, (added,), owner, added.start) if added is not None else None


def _at_the_top(module: Script) -> str:
    """The first seed that a module sets for whoever imports it."""
    for seed in own_seeds(module, Names(module)):
        is_set = isinstance(seed.statement, ast.Assign | ast.AnnAssign)
        if is_set and seed.statement in module.tree.body and not (seed.unset or seed.elsewhere):
            return seed.text
    return ""


def _split(text: str) -> tuple[str, str]:
    """The name that an expression begins with, and what follows: ``CFG``, ``.seed``."""
    name = text.split(".")[0].split("[")[0]
    return name, text[len(name) :]


def _importing(script: Script, path: Path, file: Path) -> Iterator[tuple[ast.stmt, str]]:
    """Statements at the top of a script that import a file or something of it; with the name that
    the file itself gets by it, else ""."""
    imports = [s for s in script.tree.body if isinstance(s, ast.Import | ast.ImportFrom)]
    for statement in imports:
        module = statement.module if isinstance(statement, ast.ImportFrom) else None
        level = statement.level if isinstance(statement, ast.ImportFrom) else 0
        if isinstance(statement, ast.ImportFrom) and _is(module or "", level, path, file):
            yield statement, ""
        for alias in statement.names:
            if _is(".".join(filter(None, [module, alias.name])), level, path, file):
                yield statement, alias.asname or alias.name


def _as_others_import(name: str, path: Path, file: Path, modules: Sequence[Parsed]) -> str:
    """The line by which another file imports something of ``file``, if that means the same here."""
    for other, module in modules:
        for statement, target in _importing(module, other, file):
            if target or not isinstance(statement, ast.ImportFrom):
                continue
            if not statement.level or other.resolve().parent == path.resolve().parent:
                dots = "." * statement.level
                return f"from {dots}{statement.module or ''} import {name}"
    return ""


def _is(dotted: str, level: int, path: Path, file: Path) -> bool:
    """Whether an import in ``path`` names ``file``; one that is not relative, by its last parts."""
    file, parts = file.resolve(), tuple(filter(None, dotted.split(".")))
    own = file.parent.parts if file.name == "__init__.py" else file.with_suffix("").parts
    if level:
        above = path.resolve().parents[level - 1 : level]
        return bool(above) and (*above[0].parts, *parts) == own
    return bool(parts) and own[-len(parts) :] == parts
