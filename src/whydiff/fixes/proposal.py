"""The noun of this room: one change of a script that may make two trainings agree."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from whydiff.core.findings import Finding
from whydiff.core.recording import Side
from whydiff.script_text.edits import Edit, Script, Settings, apply, parse, unified

BOM = "\ufeff"


@dataclass(frozen=True)
class Difference:
    """What a change is to take away: two sides that differ, and the ids of the sources that made
    it. ``between`` is "runs", "fits" or "scripts"."""

    between: str
    a: Side
    b: Side
    findings: Sequence[Finding]
    causes: Sequence[str]


@dataclass(frozen=True)
class Proposal:
    """A change to try: run the patched text, then see whether ``targets`` agree.

    ``source`` is the whole patched text, ``patch`` the unified diff that leads to it, "" where
    the text stays as it is. ``prelude`` is code to run before the script, where its text cannot
    be changed safely. ``environment`` is set before the interpreter starts. ``source_b`` and
    ``patch_b`` are the same for the second of two scripts, "" otherwise. ``arguments`` are added
    to those of the script. ``changed`` are other files of the project with their patched text.
    ``packages`` are pins (``keras==3.12.1``) that the environment of one run gets. ``instead``: it
    is worth knowing of also where another change has helped.
    """

    source: str
    patch: str
    prelude: str
    environment: Mapping[str, str]
    targets: tuple[str, ...]
    how: str
    source_b: str = ""
    patch_b: str = ""
    arguments: tuple[str, ...] = ()
    changed: tuple[tuple[Path, str], ...] = ()
    packages: tuple[str, ...] = ()
    instead: bool = False


@dataclass(frozen=True)
class Step:
    """One ingredient of a proposal: edits, code to run first, environment, and a sentence."""

    edits: tuple[Edit, ...] = ()
    prelude: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    how: str = ""
    instead: bool = False

    def __bool__(self) -> bool:
        return bool(self.edits or self.prelude or self.environment)


def shown(path: Path) -> str:
    """A file as a patch names it: from the current folder on where it lies below that."""
    below = os.path.relpath(path)
    return path.name if below.startswith(os.pardir) else below.replace(os.sep, "/")


def assemble(text: str, name: str, steps: Iterable[Step], targets: Iterable[str]) -> Proposal:
    """Make one proposal of several steps; the text keeps its byte order mark, if it had one."""
    chosen = [s for s in steps if s]
    mark = BOM if text.startswith(BOM) else ""
    source = mark + apply(text.removeprefix(BOM), [e for s in chosen for e in s.edits])
    environment: dict[str, str] = {}
    for step in chosen:
        environment |= step.environment
    return Proposal(
        source,
        unified(text, source, name),
        "\n".join(s.prelude for s in chosen if s.prelude),
        environment,
        tuple(targets),
        " ".join(dict.fromkeys(s.how for s in chosen if s.how)),
        instead=any(s.instead for s in chosen),
    )


def parsed_text(text: str, settings: Sequence[Settings] = ()) -> Script | None:
    """A script's text with its syntax, None where it is no Python."""
    try:
        return parse(text.removeprefix(BOM), settings)
    except (SyntaxError, ValueError):
        return None
