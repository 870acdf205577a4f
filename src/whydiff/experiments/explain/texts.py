"""Two scripts as texts, and a script's text as Python reads it."""

from __future__ import annotations

import tokenize
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from whydiff.core.findings import Cause
from whydiff.script_text.changed import changes_between, explaining


def text_of(path: Path) -> str:
    """A script's text in its own encoding, with its own ends of lines."""
    with path.open(encoding=encoding_of(path), newline="") as text:
        return text.read()


def encoding_of(path: Path) -> str:
    """The encoding that a script declares, or that its first bytes tell."""
    with path.open("rb") as file:
        return tokenize.detect_encoding(file.readline)[0]


def located(causes: Sequence[Cause], a: Path, b: Path) -> tuple[Cause, ...]:
    """Causes with the changed line that says what differs, where just one does."""
    try:
        changes = changes_between(text_of(a), text_of(b))
    except (OSError, SyntaxError, UnicodeDecodeError):
        return tuple(causes)
    found = []
    for cause in causes:
        change = explaining(changes, cause.detail)
        if change is not None:
            sides = [
                f"{path.name}:{line}: {lines[-1].strip()}"
                for path, line, lines in (
                    (a, change.line_a, change.a),
                    (b, change.line_b, change.b),
                )
                if len(lines) == 1
            ]
            cause = (
                replace(cause, detail=f"{cause.detail} ({'; '.join(sides)})") if sides else cause
            )
        found.append(cause)
    return tuple(found)
