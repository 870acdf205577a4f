"""Causes between two programs with the changed line from which they come, and who committed it.

What was recorded says where a model was used; from there names are followed back through the
program. A changed line that lies on this way may have made the difference. Words that a line shares
with a cause choose among such lines; alone they make a suspicion, which is said to be one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from whydiff.core.calls import MeasuringCall
from whydiff.core.files import UNSEEN, files_of
from whydiff.core.findings import Cause, Finding
from whydiff.core.places import FROM_TEXT, MAY_BE
from whydiff.core.recording import SEEDING, Execution, Fit, Side
from whydiff.diagnosis.sources import data_content, seeds
from whydiff.experiments.explain.texts import modules_of, text_of, texts_read
from whydiff.runner.client import Run
from whydiff.runner.history import (
    Commit,
    changed_files,
    commit_of_file,
    commit_of_line,
    commit_that_removed,
    contains,
    folders_with,
    submodule_of,
    text_at,
)
from whydiff.script_text.changed import Change, by_line, changes_between, explaining
from whydiff.script_text.dataflow import Deciding, deciding

#: Files that are looked through, of as many as differ.
_MOST_FILES = 200
#: Files whose lines decide how a program trains: its code and its settings.
_SETTINGS = frozenset({".yaml", ".yml", ".json", ".toml", ".cfg", ".ini", ".gin"})
_PROGRAM = _SETTINGS | {".py", ".pyx"}
#: Sources that chance makes differ: that a line was changed says nothing of these.
_BY_CHANCE = frozenset({"initialization", "noise"})
_CHANCE = frozenset({"python-random-unseeded", "clock-seed", "unseeded-split"})
#: Sources of what a program runs on, which no line of it need say.
_AROUND = frozenset({"backend", "version", "hardware", "arithmetic"})
#: Sources that come from the lines which decide what a model is fed.
_FED = frozenset({"data-content", "data-order"})
_MOST_NAMED = 4
#: Lines of one change whose commits are looked up.
_MOST_BLAMED = 20
_WORD = re.compile(r"[A-Za-z_]\w*")

Located = TypeVar("Located", bound=Cause | Finding)
#: Texts of files that differ, by the path in A and in B.
Texts = Mapping[tuple[str, str], tuple[str, str]]


@dataclass(frozen=True)
class Revisions:
    """Two states of the repository at ``root``: commits by id, or None for the files of today."""

    root: Path
    a: str | None
    b: str | None


@dataclass(frozen=True)
class Program:
    """What one side comes from: its lines, and the files that it read, with digests.

    ``fed`` are the lines that decide the data, ``whole`` those that decide the call, each None
    where the text does not show them. Paths count from the repository's folder, or from the
    script's. ``chance`` says that random numbers without a seed may be part of the data.
    """

    fed: Deciding | None
    whole: Deciding | None
    read: Mapping[str, str]
    chance: bool = False


_Programs = tuple[Program, Program]
NOT_FOLLOWED = Program(None, None, {})


def located_in(
    revisions: Revisions,
    causes: Sequence[Located],
    programs: _Programs = (NOT_FOLLOWED, NOT_FOLLOWED),
    modules: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {}),
    scripts: tuple[str, str] | None = None,
) -> tuple[Located, ...]:
    """Causes with the changed line from which they come and its commit, see :func:`_located`.

    ``modules`` are the texts of the files that A and B import, ``scripts`` the paths of A's and
    B's script, where these are two.
    """
    differing = changed_files(revisions.root, revisions.a, revisions.b)
    if scripts is not None and scripts not in differing:
        differing = [scripts, *(pair for pair in differing if not {*pair} & {*scripts})]
    texts = {}
    for a, b in [pair for pair in differing if Path(pair[1]).suffix in _PROGRAM][:_MOST_FILES]:
        both = text_at(revisions.root, revisions.a, a), text_at(revisions.root, revisions.b, b)
        if all(both):
            texts[a, b] = both
    for place, _ in differing:  # git knows of a submodule that it differs, and no more
        for name in (n for n in modules[0] if n.startswith(f"{place}/") and n in modules[1]):
            if modules[0][name] != modules[1][name]:
                texts[name, name] = modules[0][name], modules[1][name]
    return _located(texts, causes, programs, revisions, differing)


def located(texts: Texts, causes: Sequence[Located], programs: _Programs) -> tuple[Located, ...]:
    """Causes between two scripts with the changed line from which they come."""
    return _located(texts, causes, programs, None, ())


def feeding(texts: Texts, programs: _Programs) -> list[Change]:
    """Changed lines that decide the data of a call in both programs, in the order of the texts."""
    ways = programs[0].fed, programs[1].fed
    lines = [
        _Changed(one, files)
        for files, both in texts.items()
        for one in by_line(changes_between(*both))
    ]
    return [one.change for one in lines if _decides(one, programs, ways)]


def _located(
    texts: Texts,
    causes: Sequence[Located],
    programs: _Programs,
    revisions: Revisions | None,
    differing: Sequence[tuple[str, str]],
) -> tuple[Located, ...]:
    """Where one changed line, on the way to the call, says what a cause says, it is named; where
    several can be behind data that differ, all are. Without the way it is a suspicion."""
    renamed = [(Path(a).stem, Path(b).stem) for a, b in differing if a != b]
    changes, lines = [], []
    for files, both in texts.items():
        for change in changes_between(*both):
            single = [one for one in by_line([change]) if not _only_renames(one, renamed)]
            changes += [_Changed(change, files)] if single else []
            lines += [_Changed(one, files) for one in single]
    fed, whole = ((a, b) for a, b in zip(*((one.fed, one.whole) for one in programs), strict=True))
    behind, deciding_it = ([one for one in lines if _decides(one, programs, ways)]
                           for ways in (fed, whole))  # fmt: skip
    said = _changes_of(causes, changes, lines, deciding_it)
    left = [one for one in deciding_it if one not in said]
    if behind and any(cause.source in _FED for cause in causes):
        # What feeds the call makes its data differ; nothing shows that it does more.
        left = [one for one in left if one not in behind]
        pairs = zip(said, causes, strict=True)
        said = [one if c.source in _FED or _said(changes, c) else None for one, c in pairs]
    found = []
    for cause, changed in zip(causes, said, strict=True):
        text = ""
        if cause.mechanism in _CHANCE or (changed is not None and _quoted(cause, changed.change)):
            pass
        elif cause.source in _FED and all(fed):
            text = _candidates(revisions, programs, behind, differing, cause.detail)
        elif changed is not None:
            text = _told(revisions, changed, cause.detail)
            if text and not _decides(changed, programs, whole):
                text = f"{FROM_TEXT}: {text}"
        elif cause.source not in _BY_CHANCE | _AROUND and 0 < len(left) <= _MOST_NAMED:
            short = dict.fromkeys(_in_short(revisions, one) for one in left)
            text = f"{MAY_BE}: {'; '.join(short)}"
        found.append(replace(cause, detail=f"{cause.detail} ({text})".strip()) if text else cause)
    return tuple(found)


def _quoted(cause: Cause | Finding, change: Change) -> bool:
    """Whether what a cause says holds the changed lines as they are."""
    return all(line.strip() in cause.detail for line in (*change.a, *change.b))


@dataclass(frozen=True)
class _Changed:
    """A change of a file, by its paths in A and B."""

    change: Change
    files: tuple[str, str]


def _changes_of(
    causes: Sequence[Cause | Finding],
    changes: Sequence[_Changed],
    lines: Sequence[_Changed],
    on_way: Sequence[_Changed],
) -> list[_Changed | None]:
    """For each cause the change that says what it found, of a line or of several at once.

    Lines on the way to the call come first: others may hold the same values.

    The only change that there is may say it otherwise, where it does not say another cause: what
    else differs, then, comes from elsewhere, such as a variable of the environment.
    """
    said = [
        _said(on_way, cause) or _said(lines, cause) or _said(changes, cause) for cause in causes
    ]
    if len(changes) != 1 or any(said):
        return said
    return [
        None if cause.source in _BY_CHANCE | _AROUND or cause.mechanism in _CHANCE else changes[0]
        for cause in causes
    ]


def _only_renames(change: Change, renamed: Sequence[tuple[str, str]]) -> bool:
    """Whether a line names nothing but a module otherwise that was itself renamed."""
    a, b = " ".join(change.a), " ".join(change.b)
    return any(re.sub(rf"\b{re.escape(old)}\b", new, a) == b for old, new in renamed)


def _said(changes: Sequence[_Changed], cause: Cause | Finding) -> _Changed | None:
    change = explaining([one.change for one in changes], cause.detail)
    return next((one for one in changes if one.change is change), None)


def _decides(
    changed: _Changed, programs: _Programs, ways: tuple[Deciding | None, Deciding | None]
) -> bool:
    """Whether a change is of a line, or of a setting in a file, on the way to a call."""
    change, files = changed.change, changed.files
    known = [way for way in ways if way is not None]
    if len(known) < len(ways):
        return False
    sides = list(zip(programs, known, files, (change.line_a, change.line_b), (change.a, change.b),
                     strict=True))  # fmt: skip
    if Path(files[1]).suffix.startswith(".py"):
        same = known[0].arguments == known[1].arguments
        return any(
            (path, line) in way
            and text.strip()[:1] not in ("", "#")
            and not (same and path == way.place[0] and line in way.place[1])
            for _, way, path, first, lines in sides
            for line, text in enumerate(lines, first)
        )
    if not any(path in one.read or Path(path).name in way.words for one, way, path, _, _ in sides):
        return False
    words = set(_WORD.findall("\n".join([*change.a, *change.b])))
    every_key = any(way.every_key for way in known)
    return every_key or not words or any(words & way.words for way in known)


def _candidates(
    revisions: Revisions | None,
    programs: _Programs,
    deciding: Sequence[_Changed],
    differing: Sequence[tuple[str, str]],
    said: str,
) -> str:
    """What can be behind data that differ: a change with both its lines, or several in short."""
    read = _changed_data(revisions, programs, differing) if revisions else []
    chance = any(one.chance for one in programs)
    if len(deciding) == 1 and not read and not chance:
        return _told(revisions, deciding[0], said)
    if not deciding and len(read) == 1 and not chance:
        return read[0]
    named = [*read, *dict.fromkeys(_in_short(revisions, one) for one in deciding)]
    if not named:
        return ""
    more = len(named) - _MOST_NAMED
    named = [*named[:_MOST_NAMED], *([f"{more} more"] if more > 0 else [])]
    named += ["chance, as the data are drawn without a seed"] if chance else []
    return f"{MAY_BE}: {'; '.join(named)}"


def _changed_data(
    revisions: Revisions,
    programs: _Programs,
    differing: Sequence[tuple[str, str]],
) -> list[str]:
    """Files that the script read with other contents, and that git knows to be changed."""
    found = []
    for a, b in differing:
        if Path(b).suffix in _PROGRAM:
            continue
        digests = [
            [digest for path, digest in sorted(one.read.items()) if _is_in(path, name)]
            for one, name in zip(programs, (a, b), strict=True)
        ]
        if digests[0] == digests[1] and UNSEEN not in digests[0]:
            continue
        commit = commit_of_file(revisions.root, revisions.a, revisions.b, b)
        said = f"commit {commit.text()}" if commit else "not committed yet"
        found.append(f"{b}, which the script reads, changed; {said}")
    return found


def _is_in(path: str, name: str) -> bool:
    """Whether a file is that of this name, or lies in a submodule of it."""
    return path == name or path.startswith(f"{name}/")


def _in_short(revisions: Revisions | None, changed: _Changed) -> str:
    """``prep.py:3 in commit 1f0c9d2a3b (Scale)``"""
    change, files = changed.change, changed.files
    place = f"{files[1]}:{change.line_b}" if change.b else f"{files[0]}:{change.line_a}"
    commit = _commit(revisions, changed) if revisions else ""
    return f"{place} in {commit}" if commit.startswith("commit") else f"{place} {commit}".strip()


def _told(revisions: Revisions | None, changed: _Changed, said: str) -> str:
    """``train.py:3: rate = 0.001 vs. rate = 0.01; commit 1f0c9d2a3b (Train faster)``.

    Lines that ``said`` names already, with what stands there, are not repeated.
    """
    change, files = changed.change, changed.files
    a, b = (text[0].strip().rstrip(",") if len(text) == 1 else "" for text in (change.a, change.b))
    at_a, at_b = f"{files[0]}:{change.line_a}", f"{files[1]}:{change.line_b}"
    if all(part in said for part in (at_a, a, at_b, b)) and a and b:
        text = ""
    elif a and b:
        there = b if files[0] == files[1] else f"{at_b}: {b}"
        text = f"{at_b if files[0] == files[1] else at_a}: {a} vs. {there}"
    elif a and not change.b:
        text = f"{at_a}: {a}, only in A"
    elif b and not change.a:
        text = f"{at_b}: {b}, only in B"
    else:
        text = at_b
    commit = _commit(revisions, changed) if revisions else ""
    return "; ".join(filter(None, (text, commit)))


def _commit(revisions: Revisions, changed: _Changed) -> str:
    """The commit that made the change: it is part of one side's history and not of the other's.

    Of several lines that several commits wrote, none is named.
    """
    root, a, b = revisions.root, revisions.a, revisions.b
    change, files = changed.change, changed.files
    submodule = submodule_of(root, files[1])
    if submodule:
        moved = commit_of_file(root, a, b, submodule)
        return f"commit {moved.text()}" if moved else "not committed yet"
    wrote: set[Commit | None] = set()
    for revision, other, path, first, lines in (
        (b, a, files[1], change.line_b, change.b),
        (a, b, files[0], change.line_a, change.a),
    ):
        for line in [n for n, text in enumerate(lines[:_MOST_BLAMED], first) if text.strip()]:
            commit = commit_of_line(root, revision, path, line)
            if commit is None and revision is not None:
                continue
            if commit is None or not contains(root, other or "HEAD", commit):
                wrote.add(commit)
        if wrote:
            break
    if wrote:
        only = next(iter(wrote))
        said = f"commit {only.text()}" if only else "not committed yet"
        return said if len(wrote) == 1 else f"{len(wrote)} commits"
    gone: Commit | None = None
    if not change.b:
        gone = commit_that_removed(root, a or "HEAD", b or "HEAD", files[0], change.a[-1].strip())
    elif not change.a:
        gone = commit_that_removed(root, b or "HEAD", a or "HEAD", files[1], change.b[-1].strip())
    return f"commit {gone.text()}" if gone else ""


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
    scripts = [path_inside(folder, run.script) for folder, run in zip(folders, runs, strict=True)]
    one, other = (
        texts_by_path(use[0], folder, folders_with(folder, "*.py"))
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
    """What differs of the two scripts, of modules that they import under one name and of settings
    that they read, with the programs; None where a script cannot be read."""
    folders = [
        use[0].checkout.folder if use[0].checkout else use[0].script.parent for use in (a, b)
    ]
    one, other = (
        texts_by_path(use[0], folder) for use, folder in zip((a, b), folders, strict=True)
    )
    scripts = (
        path_inside(folders[0], a[0].script),
        path_inside(folders[1], b[0].script),
    )
    if not (scripts[0] in one and scripts[1] in other):
        return None
    read = [
        {path_inside(folder, path): text for path, text in texts_read(use[1], _SETTINGS).items()}
        for use, folder in zip((a, b), folders, strict=True)
    ]
    pairs = [scripts, *((name, name) for name in one if name in other and name not in scripts)]
    texts = {(x, y): (one[x], other[y]) for x, y in pairs if one[x] != other[y]}
    texts |= {(x, y): (read[0][x], read[1][y]) for x, y in _paired(*read)}
    return texts, (_program(a, folders[0], one), _program(b, folders[1], other))


def _paired(a: Mapping[str, str], b: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Settings that A and B read with other texts: of one name, or the only ones of each under a
    name of its own."""
    yield from ((name, name) for name in a if name in b and a[name] != b[name])
    alone = [[name for name in one if name not in other] for one, other in ((a, b), (b, a))]
    if len(alone[0]) == len(alone[1]) == 1 and a[alone[0][0]] != b[alone[1][0]]:
        yield alone[0][0], alone[1][0]


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
    by_line = {name for pair in texts for name in pair}  # looked at line by line below
    both = files[0].keys() & files[1].keys() - by_line
    same_files = all(files[0][name] == files[1][name] for name in both)
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


def path_inside(folder: Path, path: Path | str) -> str:
    # Not where it leads to: a file of git-lfs is a link to its content.
    place = Path(os.path.realpath(Path(path).parent), Path(path).name)
    return os.path.relpath(place, os.path.realpath(folder))


def texts_by_path(run: Run, folder: Path, more: Sequence[Path] = ()) -> dict[str, str]:
    """The script and the project's own files that it imports; {} where it cannot be read.

    ``more`` are folders on which the script may put Python's path.
    """
    try:
        script = text_of(run.script)
    except (OSError, SyntaxError, UnicodeDecodeError):
        return {}
    here = run.checkout.working_folder() if run.checkout else Path.cwd()
    modules = modules_of(run.script, here, more)
    return {path_inside(folder, path): text for path, text in [(run.script, script), *modules]}


def _program(use: Use, folder: Path, texts: Mapping[str, str]) -> Program:
    """What a use of a model comes from, as far as texts and what was recorded show it."""
    _, execution, call = use
    frame = next((f for f in reversed(call.stack) if path_inside(folder, f.file) in texts), None)
    if frame is None:
        return NOT_FOLLOWED
    place = path_inside(folder, frame.file), frame.line
    fed, whole = (deciding(texts, *place, whole=one) for one in (False, True))
    read = {path_inside(folder, path): used.read
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
