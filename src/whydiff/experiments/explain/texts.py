"""A script's text as Python reads it, and those of the project's own files that it imports."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Collection, Sequence
from pathlib import Path

from whydiff.core.files import content_digest, files_of
from whydiff.core.recording import Execution
from whydiff.core.stack import Frame, in_library
from whydiff.fixes.pins import FILES
from whydiff.script_text.edits import Settings
from whydiff.script_text.imports import candidates
from whydiff.script_text.notebooks import as_script, cells
from whydiff.script_text.settings import ENDINGS, settings_of

#: How the name of a notebook ends.
NOTEBOOK = ".ipynb"
#: A line of a cell that runs a file beside the notebook, as its text as Python has it.
_RUN = re.compile(r"^( *)pass  # ipython: %run (?:-\w+ +)*(\w+)\.py\b.*$", re.MULTILINE)
#: Files of a project that are read.
MOST_MODULES = 40
#: Bytes of a file of settings; what is larger holds data.
_MOST_SETTINGS = 1 << 16


def text_of(path: Path) -> str:
    """A script's text in its own encoding, with its own ends of lines."""
    with path.open(encoding=encoding_of(path), newline="") as text:
        return text.read()


def program_text(path: Path) -> str:
    """A script's text as Python; of a notebook that of all its cells, in which a file that
    ``%run`` runs is imported: that is when its lines are reached."""
    text = text_of(path)
    if path.suffix != NOTEBOOK:
        return text
    return _RUN.sub(r"\1import \2", as_script(cells(text)))


def encoding_of(path: Path) -> str:
    """The encoding that a script declares, or that its first bytes tell."""
    with path.open("rb") as file:
        return tokenize.detect_encoding(file.readline)[0]


def modules_of(script: Path, folder: Path, more: Sequence[Path] = ()) -> list[tuple[Path, str]]:
    """The project's own files that a script imports, directly or through others, with their texts.

    They lie below the script's folder, ``folder``, in which it runs, or one of ``more``, where it
    may look, too; libraries are left out. Of a test those of pytest (``conftest.py``) belong to
    them.
    """
    script = script.resolve()
    inside = dict.fromkeys([script.parent, folder.resolve(), *(one.resolve() for one in more)])
    packages = [p for p in script.parents if (p / "__init__.py").exists()]
    roots = [script.parent, *(p.parent for p in packages[-1:]), *inside]
    roots = list(dict.fromkeys([*roots, *(root / "src" for root in inside)]))
    ours = {*roots, *(place.parent for place in _of_pytest(script, folder))}
    found: dict[Path, str] = {}
    waiting = [script]
    while waiting and len(found) < MOST_MODULES:
        file = waiting.pop(0)
        text = found.get(file) if file != script else _readable(file)
        beside = _of_pytest(file, folder) if file == script else []
        for path in (*candidates(text or "", file, roots), *beside):
            path = path.resolve()
            known = path in found or path == script or not path.is_file()
            if known or in_library(str(path)) or not ours & {*path.parents}:
                continue
            module = _readable(path)
            if module is not None:
                found[path] = module
                waiting.append(path)
    return list(found.items())


def modules_reached(script: Path, folder: Path, stack: Sequence[Frame]) -> list[tuple[Path, str]]:
    """The project's own files of a program; where a library is its script (``-m unittest``), the
    outermost of them that led to the fit, by its ``stack``, and those that this one imports."""
    if not in_library(str(script.absolute())):
        return modules_of(script, folder)
    for file in (Path(frame.file).resolve() for frame in stack):
        inside = folder.resolve() in file.parents and not in_library(str(file))
        text = _readable(file) if inside and file.is_file() else None
        if text is not None:
            return [(file, text), *modules_of(file, folder)]
    return []


def _of_pytest(script: Path, folder: Path) -> list[Path]:
    """Where files may lie that pytest loads beside a test."""
    if not (script.stem.startswith("test_") or script.stem.endswith("_test")):
        return []
    folders = dict.fromkeys([script.parent, script.parent.parent, folder.resolve()])
    return [place / "conftest.py" for place in folders]


def texts_read(execution: Execution, endings: Collection[str]) -> dict[str, str]:
    """Small files that a run read, with their texts; only those that still are as it read them."""
    found = {}
    for name, use in files_of(execution.environment).items():
        file = Path(name)
        if use.written or file.suffix.lower() not in endings or not file.is_file():
            continue
        content = file.read_bytes() if file.stat().st_size <= _MOST_SETTINGS else b""
        if content and content_digest(content) == use.read:
            found[name] = content.decode("utf-8", "replace")
    return found


def seeds_of_settings(execution: Execution) -> list[Settings]:
    """The settings with a seed in them that a run read."""
    texts = texts_read(execution, ENDINGS)
    found = (settings_of(name, text) for name, text in texts.items())
    return [one for one in found if one is not None]


def files_of_packages(script: Path) -> list[tuple[Path, str]]:
    """The files that say which packages a script's project needs, with their texts."""
    folders = dict.fromkeys([Path.cwd(), script.resolve().parent])
    texts = [(folder / name, _readable(folder / name)) for folder in folders for name in FILES]
    return [(path, text) for path, text in texts if text is not None]


def _readable(path: Path) -> str | None:
    try:
        return program_text(path)
    except (OSError, SyntaxError, ValueError):
        return None
