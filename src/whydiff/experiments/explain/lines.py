"""Causes between two programs with the changed line from which they come."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from whydiff.core.calls import MeasuringCall
from whydiff.core.files import files_of
from whydiff.core.findings import Finding
from whydiff.core.recording import SEEDING, Execution, Fit, Side
from whydiff.diagnosis.sources import data_content, seeds
from whydiff.experiments.explain.commits import (
    NOT_FOLLOWED,
    Located,
    Program,
    Revisions,
    Texts,
    feeding,
    located,
    located_in,
)
from whydiff.experiments.explain.texts import modules_of, text_of
from whydiff.runner.client import Run
from whydiff.runner.history import folders_with
from whydiff.script_text.dataflow import deciding

#: Words of a line that sets a seed, or makes a generator from one.
_SEEDS = re.compile(r"seed|random_state|default_rng|RandomState|Random\(|PRNGKey", re.IGNORECASE)
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
    read = _read(a, b)
    return tuple(causes) if read is None else located(read[0], causes, read[1])


def _read(a: Use, b: Use) -> tuple[Texts, tuple[Program, Program]] | None:
    """What differs of the two scripts, and of modules that they import under one name, with the
    programs; None where a script cannot be read."""
    folders = [
        use[0].checkout.folder if use[0].checkout else use[0].script.parent for use in (a, b)
    ]
    one, other = (_texts(use[0], folder) for use, folder in zip((a, b), folders, strict=True))
    scripts = (
        _inside(folders[0], a[0].script),
        _inside(folders[1], b[0].script),
    )
    if not (scripts[0] in one and scripts[1] in other):
        return None
    pairs = [scripts, *((name, name) for name in one if name in other and name not in scripts)]
    texts = {(x, y): (one[x], other[y]) for x, y in pairs if one[x] != other[y]}
    return texts, (_program(a, folders[0], one), _program(b, folders[1], other))


def without_blamed_seeds(findings: Sequence[Finding], a: Use, b: Use) -> tuple[Finding, ...]:
    """Findings of two trainings; where their data come from more than other seeds, or from no draw
    at all, the seeds are said to differ and are not said to be why."""
    content = next((f for f in findings if f.source == data_content.ID), None)
    blamed = content is not None and content.mechanism == "explicit-seeds"
    if content is None or not blamed or _fed_by_seeds_alone(a, b):
        return tuple(findings)
    sides = [Side(execution, call) for _, execution, call in (a, b) if isinstance(call, Fit)]
    other = data_content.by_something_else(*sides)
    seeds_said = content.detail.removeprefix(content.evidence).strip("; ").partition(": other")[0]
    detail = f"{other.detail}; the seeds differ, too ({seeds_said}), and need not be the reason"
    changed = replace(other, detail=detail)
    return tuple(changed if f is content else f for f in findings)


def _fed_by_seeds_alone(a: Use, b: Use) -> bool:
    """Whether two programs that seed otherwise can draw other data, and nothing else that feeds
    them differs: no line, no file that they read, no argument, variable or package."""
    read = _read(a, b)
    if read is None:
        return False
    texts, programs = read
    ways = [program.fed for program in programs]
    if any(way is None for way in ways):
        return not texts
    drawn = any(way is not None and way.draws for way in ways)
    files = [program.read for program in programs]
    same_files = all(files[0][name] == files[1][name] for name in files[0] if name in files[1])
    others = [c for c in feeding(texts, programs) if not _SEEDS.search("\n".join((*c.a, *c.b)))]
    return drawn and same_files and not others and _given(a) == _given(b)


def _given(use: Use) -> tuple[object, ...]:
    """What a run is given from outside, without the seeds among it."""
    run, execution, _ = use
    seeds_set = {str(d.seed) for d in execution.ledger if d.kind == SEEDING}
    arguments = re.sub(r"-\S*seed\S*?[= ]\S+", "", " ".join(run.arguments)).split()
    variables = {k: v for k, v in (run.environment or {}).items()
                 if "seed" not in k.lower() and v not in seeds_set}  # fmt: skip
    return [a for a in arguments if a not in seeds_set], variables, run.interpreter


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
