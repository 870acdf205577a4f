"""Two revisions as texts: the changed line that says what a cause found, and who committed it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from whydiff.core.files import UNSEEN
from whydiff.core.findings import Cause
from whydiff.runner.history import (
    Commit,
    changed_files,
    commit_of_file,
    commit_of_line,
    commit_that_removed,
    contains,
    text_at,
)
from whydiff.script_text.changed import Change, by_line, changes_between, explaining
from whydiff.script_text.dataflow import Fed

#: Files that are looked through, of as many as differ.
_MOST_FILES = 200
#: Files whose lines decide how a program trains: its code and its settings.
_PROGRAM = frozenset({".py", ".pyx", ".yaml", ".yml", ".json", ".toml", ".cfg", ".ini", ".gin"})
#: Sources that chance makes differ: that a line was changed says nothing of these.
_BY_CHANCE = frozenset({"initialization", "noise"})
_CHANCE = frozenset({"python-random-unseeded", "clock-seed", "unseeded-split"})
#: Sources that come from the lines which decide what a model is fed.
_FED = frozenset({"data-content", "data-order"})
_MOST_NAMED = 4
_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Revisions:
    """Two states of the repository at ``root``: commits by id, or None for the files of today."""

    root: Path
    a: str | None
    b: str | None


@dataclass(frozen=True)
class Program:
    """What one side's data come from: its lines, and the files that it read, with digests.

    Paths count from the repository's folder. ``chance`` says that random numbers without a seed may
    be part of it.
    """

    fed: Fed
    read: Mapping[str, str]
    chance: bool = False


def located_in(
    revisions: Revisions,
    causes: Sequence[Cause],
    programs: tuple[Program, Program] | None = None,
) -> tuple[Cause, ...]:
    """Causes with the changed line that says what differs, where just one does, and its commit.

    ``programs`` are what A and B are fed from, where that is known: of data that differ,
    the changes that can be it are named.
    """
    differing = changed_files(revisions.root, revisions.a, revisions.b)
    changes: list[_Changed] = []
    for a, b in [pair for pair in differing if Path(pair[1]).suffix in _PROGRAM][:_MOST_FILES]:
        texts = text_at(revisions.root, revisions.a, a), text_at(revisions.root, revisions.b, b)
        if all(texts):
            changes += [_Changed(change, (a, b)) for change in changes_between(*texts)]
    lines = [_Changed(one, c.files) for c in changes for one in by_line([c.change])]
    found = []
    for cause, changed in zip(causes, _changes_of(causes, changes, lines), strict=True):
        said = ""
        if programs is not None and cause.source in _FED:
            if cause.mechanism not in _CHANCE:
                deciding = [one for one in lines if _decides(one, programs)]
                said = _candidates(revisions, programs, deciding, differing)
        elif changed is not None:
            said = _told(revisions, changed)
        if said:
            cause = replace(cause, detail=f"{cause.detail} ({said})".strip())
        found.append(cause)
    return tuple(found)


@dataclass(frozen=True)
class _Changed:
    """A change of a file, by its paths in A and B."""

    change: Change
    files: tuple[str, str]


def _changes_of(
    causes: Sequence[Cause], changes: Sequence[_Changed], lines: Sequence[_Changed]
) -> list[_Changed | None]:
    """For each cause the change that says what it found, of a line or of several at once.

    The only change that there is may say it otherwise, where it does not say another cause: what
    else differs, then, comes from elsewhere, such as a variable of the environment.
    """
    said = [_said(lines, cause) or _said(changes, cause) for cause in causes]
    if len(changes) != 1 or any(said):
        return said
    return [
        None if cause.source in _BY_CHANCE or cause.mechanism in _CHANCE else changes[0]
        for cause in causes
    ]


def _said(changes: Sequence[_Changed], cause: Cause) -> _Changed | None:
    change = explaining([one.change for one in changes], cause.detail)
    return next((one for one in changes if one.change is change), None)


def _decides(changed: _Changed, programs: tuple[Program, Program]) -> bool:
    """Whether a change is of a line, or of a setting in a file, from which the data come."""
    change, files = changed.change, changed.files
    sides = list(zip(programs, files, (change.line_a, change.line_b), (change.a, change.b),
                     strict=True))  # fmt: skip
    if Path(files[1]).suffix.startswith(".py"):
        fed = [one.fed for one in programs]
        same = fed[0].arguments == fed[1].arguments
        return any(
            (path, line) in one.fed
            and text.strip()[:1] not in ("", "#")
            and not (same and path == one.fed.place[0] and line in one.fed.place[1])
            for one, path, first, lines in sides
            for line, text in enumerate(lines, first)
        )
    if not any(path in one.read or Path(path).name in one.fed.words for one, path, _, _ in sides):
        return False
    words = set(_WORD.findall("\n".join([*change.a, *change.b])))
    every_key = any(one.fed.every_key for one in programs)
    return every_key or not words or any(words & one.fed.words for one in programs)


def _candidates(
    revisions: Revisions,
    programs: tuple[Program, Program],
    deciding: Sequence[_Changed],
    differing: Sequence[tuple[str, str]],
) -> str:
    """What can be behind data that differ: a change with both its lines, or several in short."""
    read = _changed_data(revisions, programs, differing)
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
    return f"it may come from: {'; '.join(named)}"


def _changed_data(
    revisions: Revisions,
    programs: tuple[Program, Program],
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


def _in_short(revisions: Revisions, changed: _Changed) -> str:
    """``prep.py:3 in commit 1f0c9d2a3b (Scale)``"""
    change, files = changed.change, changed.files
    place = f"{files[1]}:{change.line_b}" if change.b else f"{files[0]}:{change.line_a}"
    commit = _commit(revisions, changed)
    return f"{place} in {commit}" if commit.startswith("commit") else f"{place} {commit}".strip()


def _told(revisions: Revisions, changed: _Changed) -> str:
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
    commit = _commit(revisions, changed)
    return "; ".join([*sides, commit] if commit else sides)


def _commit(revisions: Revisions, changed: _Changed) -> str:
    """The commit that made the change: it is part of one side's history and not of the other's."""
    root, a, b = revisions.root, revisions.a, revisions.b
    change, files = changed.change, changed.files
    for revision, other, path, line, lines in (
        (b, a, files[1], change.line_b, change.b),
        (a, b, files[0], change.line_a, change.a),
    ):
        if not lines:
            continue
        wrote = commit_of_line(root, revision, path, line + len(lines) - 1)
        if wrote is None and revision is None:
            return "not committed yet"
        if wrote is not None and not contains(root, other or "HEAD", wrote):
            return f"commit {wrote.text()}"
    gone: Commit | None = None
    if not change.b:
        gone = commit_that_removed(root, a or "HEAD", b or "HEAD", files[0], change.a[-1].strip())
    elif not change.a:
        gone = commit_that_removed(root, b or "HEAD", a or "HEAD", files[1], change.b[-1].strip())
    return f"commit {gone.text()}" if gone else ""
