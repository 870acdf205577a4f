"""Two revisions as texts: the changed line that says what a cause found, and who committed it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from whydiff.core.findings import Cause
from whydiff.runner.history import (
    Commit,
    changed_files,
    commit_of_line,
    commit_that_removed,
    contains,
    text_at,
)
from whydiff.script_text.changed import Change, changes_between, explaining

#: Files that are looked through, of as many as differ.
_MOST_FILES = 200
#: Files whose lines decide how a program trains: its code and its settings.
_PROGRAM = frozenset({".py", ".pyx", ".yaml", ".yml", ".json", ".toml", ".cfg", ".ini", ".gin"})
#: Sources that chance makes differ: that a line was changed says nothing of these.
_BY_CHANCE = frozenset({"initialization", "noise"})
_CHANCE = frozenset({"python-random-unseeded", "clock-seed", "unseeded-split"})


@dataclass(frozen=True)
class Revisions:
    """Two states of the repository at ``root``: commits by id, or None for the files of today."""

    root: Path
    a: str | None
    b: str | None


def located_in(revisions: Revisions, causes: Sequence[Cause]) -> tuple[Cause, ...]:
    """Causes with the changed line that says what differs, where just one does, and its commit."""
    files: dict[int, tuple[str, str]] = {}
    changes: list[Change] = []
    differing = changed_files(revisions.root, revisions.a, revisions.b)
    for a, b in [pair for pair in differing if Path(pair[1]).suffix in _PROGRAM][:_MOST_FILES]:
        texts = text_at(revisions.root, revisions.a, a), text_at(revisions.root, revisions.b, b)
        for change in changes_between(*texts) if all(texts) else ():
            files[id(change)] = (a, b)
            changes.append(change)
    found = []
    for cause, changed in zip(causes, _changes_of(causes, changes), strict=True):
        if changed is not None:
            said = _told(revisions, changed, files[id(changed)])
            cause = replace(cause, detail=f"{cause.detail} ({said})".strip())
        found.append(cause)
    return tuple(found)


def _changes_of(causes: Sequence[Cause], changes: Sequence[Change]) -> list[Change | None]:
    """For each cause the change that says what it found.

    The only change that there is may say it otherwise, where it does not say another cause: what
    else differs, then, comes from elsewhere, such as a variable of the environment.
    """
    said = [explaining(changes, cause.detail) for cause in causes]
    if len(changes) != 1 or any(said):
        return said
    return [
        None if cause.source in _BY_CHANCE or cause.mechanism in _CHANCE else changes[0]
        for cause in causes
    ]


def _told(revisions: Revisions, change: Change, files: tuple[str, str]) -> str:
    """``train.py:3: rate = 0.001; train.py:3: rate = 0.01; commit 1f0c9d2a3b (Train faster)``."""
    sides = [
        f"{path}:{line}: {lines[-1].strip()}"
        for path, line, lines in zip(
            files, (change.line_a, change.line_b), (change.a, change.b), strict=True
        )
        if len(lines) == 1
    ]
    sides = sides or [f"{files[1]}:{change.line_b}"]
    commit = _commit(revisions, change, files)
    return "; ".join([*sides, commit] if commit else sides)


def _commit(revisions: Revisions, change: Change, files: tuple[str, str]) -> str:
    """The commit that made the change: it is part of one side's history and not of the other's."""
    root, a, b = revisions.root, revisions.a, revisions.b
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
