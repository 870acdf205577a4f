"""Two programs as texts: the changed line from which a cause comes, and who committed it.

What was recorded says where a model was used; from there names are followed back through the
program. A changed line that lies on this way may have made the difference. Words that a line shares
with a cause choose among such lines; alone they make a suspicion, which is said to be one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from whydiff.core.files import UNSEEN
from whydiff.core.findings import Cause, Finding
from whydiff.core.places import FROM_TEXT, MAY_BE
from whydiff.runner.history import (
    Commit,
    changed_files,
    commit_of_file,
    commit_of_line,
    commit_that_removed,
    contains,
    submodule_of,
    text_at,
)
from whydiff.script_text.changed import Change, by_line, changes_between, explaining
from whydiff.script_text.dataflow import Deciding

#: Files that are looked through, of as many as differ.
_MOST_FILES = 200
#: Files whose lines decide how a program trains: its code and its settings.
_PROGRAM = frozenset({".py", ".pyx", ".yaml", ".yml", ".json", ".toml", ".cfg", ".ini", ".gin"})
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
    found = []
    for cause, changed in zip(causes, said, strict=True):
        text = ""
        if cause.mechanism in _CHANCE:
            pass
        elif cause.source in _FED and all(fed):
            text = _candidates(revisions, programs, behind, differing)
        elif changed is not None:
            text = _told(revisions, changed)
            if not _decides(changed, programs, whole):
                text = f"{FROM_TEXT}: {text}"
        elif cause.source not in _BY_CHANCE | _AROUND and 0 < len(left) <= _MOST_NAMED:
            short = dict.fromkeys(_in_short(revisions, one) for one in left)
            text = f"{MAY_BE}: {'; '.join(short)}"
        found.append(replace(cause, detail=f"{cause.detail} ({text})".strip()) if text else cause)
    return tuple(found)


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
) -> str:
    """What can be behind data that differ: a change with both its lines, or several in short."""
    read = _changed_data(revisions, programs, differing) if revisions else []
    chance = any(one.chance for one in programs)
    if len(deciding) == 1 and not read and not chance:
        return _told(revisions, deciding[0])
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


def _told(revisions: Revisions | None, changed: _Changed) -> str:
    """``train.py:3: rate = 0.001; train.py:3: rate = 0.01; commit 1f0c9d2a3b (Train faster)``."""
    change, files = changed.change, changed.files
    sides = [
        f"{path}:{line}: {lines[-1].strip()}"
        for path, line, lines in zip(
            files, (change.line_a, change.line_b), (change.a, change.b), strict=True
        )
        if len(lines) == 1
    ]
    sides = sides or [f"{files[1]}:{change.line_b}"]
    commit = _commit(revisions, changed) if revisions else ""
    return "; ".join([*sides, commit] if commit else sides)


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
