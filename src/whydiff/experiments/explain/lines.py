"""Causes between two programs with the changed line from which they come."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from whydiff.core.calls import MeasuringCall
from whydiff.core.files import files_of
from whydiff.core.recording import SEEDING, Execution, Fit, Side
from whydiff.diagnosis.sources import seeds
from whydiff.experiments.explain.commits import (
    NOT_FOLLOWED,
    Located,
    Program,
    Revisions,
    located,
    located_in,
)
from whydiff.experiments.explain.texts import modules_of, text_of
from whydiff.runner.client import Run
from whydiff.runner.history import folders_with
from whydiff.script_text.dataflow import deciding

#: A use of a model, in the run that made it.
Use = tuple[Run, Execution, Fit | MeasuringCall]


def with_lines(causes: Sequence[Located], a: Use, b: Use) -> tuple[Located, ...]:
    """Causes with the changed line of the scripts, or of the revisions, from which they come."""
    runs = a[0], b[0]
    checkout = runs[0].checkout or runs[1].checkout
    if checkout is None:
        return _between_scripts(causes, a, b)
    folders = [run.checkout.folder if run.checkout else checkout.root for run in runs]
    scripts = [_inside(folder, run.script) for folder, run in zip(folders, runs, strict=True)]
    one, other = (
        _texts(use[0], folder, folders_with(folder, "*.py"))
        for use, folder in zip((a, b), folders, strict=True)
    )
    programs = _program(a, folders[0], one), _program(b, folders[1], other)
    commits = [run.checkout.commit.id if run.checkout else None for run in runs]
    named = (scripts[0], scripts[1]) if scripts[0] != scripts[1] else None
    return located_in(Revisions(checkout.root, *commits), causes, programs, (one, other), named)


def _between_scripts(causes: Sequence[Located], a: Use, b: Use) -> tuple[Located, ...]:
    """The two scripts, and modules that they import under one name and that differ."""
    folders = [use[0].script.parent for use in (a, b)]
    one, other = (_texts(use[0], folder) for use, folder in zip((a, b), folders, strict=True))
    scripts = a[0].script.name, b[0].script.name
    if not (scripts[0] in one and scripts[1] in other):
        return tuple(causes)
    pairs = [scripts, *((name, name) for name in one if name in other and name not in scripts)]
    texts = {(x, y): (one[x], other[y]) for x, y in pairs if one[x] != other[y]}
    programs = _program(a, folders[0], one), _program(b, folders[1], other)
    return located(texts, causes, programs)


def _inside(folder: Path, path: Path | str) -> str:
    # Not where it leads to: a file of git-lfs is a link to its content.
    place = Path(os.path.realpath(Path(path).parent), Path(path).name)
    return os.path.relpath(place, os.path.realpath(folder))


def _texts(run: Run, folder: Path, more: Sequence[Path] = ()) -> dict[str, str]:
    """The script and the project's own files that it imports; {} where it cannot be read.

    ``more`` are folders on which the script may put Python's path.
    """
    try:
        script = text_of(run.script)
    except (OSError, SyntaxError, UnicodeDecodeError):
        return {}
    here = run.checkout.working_folder() if run.checkout else Path.cwd()
    modules = modules_of(run.script, here, more)
    return {_inside(folder, path): text for path, text in [(run.script, script), *modules]}


def _program(use: Use, folder: Path, texts: Mapping[str, str]) -> Program:
    """What a use of a model comes from, as far as texts and what was recorded show it."""
    _, execution, call = use
    frame = next((f for f in reversed(call.stack) if _inside(folder, f.file) in texts), None)
    if frame is None:
        return NOT_FOLLOWED
    place = _inside(folder, frame.file), frame.line
    fed, whole = (deciding(texts, *place, whole=one) for one in (False, True))
    read = {_inside(folder, path): used.read
            for path, used in files_of(execution.environment).items() if used.read}  # fmt: skip
    chance = fed is not None and fed.draws and _by_chance(execution, call)
    return Program(fed, whole, read, chance)


def _by_chance(execution: Execution, call: Fit | MeasuringCall) -> bool:
    """Whether what is drawn for a use of a model is drawn without a seed, or may be."""
    if isinstance(call, MeasuringCall):
        return not any(draw.kind == SEEDING for draw in execution.ledger)
    side = Side(execution, call)
    own = seeds.generators_of(side)
    if any(draw.seed is None for draw in own):
        return True
    return not own and seeds.seeding_of(side, seeds.ledger_at(side), "numpy") is None
