"""Pinning packages: the lines of a project that say which versions are installed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from whydiff.fixes.proposal import Proposal, shown
from whydiff.script_text.edits import unified

#: Files of a project that name its packages.
FILES = ("requirements.txt", "pyproject.toml")
#: What may stand behind a package's name: an extra and a range of versions.
_TAIL = r"(?P<extra>\[[^\]]*\])?\s*(?P<version>[<>=!~][^;#\"'\n]*?)?"
#: How a requirement stands in a file, by the file's ending: what comes before the name, and, with
#: a condition if there is one, behind the versions.
_PLACES = {
    ".txt": (r"(?m)^()", r"(?P<rest>\s*[;#].*)?$"),
    ".toml": (r"(?<=[\[,\s])([\"'])", r"(?P<rest>\s*;(?:(?!\1).)*)?\1"),
}


#: A requirement between quotes, as ``pyproject.toml`` lists them.
_QUOTED = re.compile(r"""["']([A-Za-z][\w.-]*(?:\[[^\]]*\])?\s*[<>=!~]=?[^"']*)["']""")


def requirements(path: Path, text: str) -> list[str]:
    """What one of :data:`FILES` asks for, as far as it names versions."""
    if path.suffix == ".toml":
        return [found.strip() for found in _QUOTED.findall(text)]
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    return [line for line in lines if line and line[0] != "-"]


def pin(
    text: str, pins: Sequence[str], files: Sequence[tuple[Path, str]], targets: Sequence[str]
) -> Proposal:
    """Packages in the versions of ``pins`` (``keras==3.12.1``), and where a project writes that.

    ``text`` is the script's, which stays as it is; ``files`` are those of :data:`FILES` that there
    are, with their texts. The first that names its packages is changed.
    """
    patch = next(filter(None, (_patch(path, content, pins) for path, content in files)), "")
    how = f"Pins {' and '.join(pins)}, the versions that the other run had."
    return Proposal(text, patch, "", {}, tuple(targets), how, packages=tuple(pins))


def _patch(path: Path, text: str, pins: Sequence[str]) -> str:
    """The file with every package pinned; "" where it cannot say so."""
    changed = text
    for requirement in pins:
        name, _, version = requirement.partition("==")
        pattern = "[-_.]".join(map(re.escape, re.split("[-_.]", name)))
        begin, end = _PLACES[path.suffix]
        found = re.compile(rf"{begin}(?P<name>{pattern}){_TAIL}{end}", re.IGNORECASE)
        after, count = found.subn(
            lambda m, v=version: (  # type: ignore[misc]  # mypy knows no defaults of a lambda
                f"{m[1]}{m['name']}{m['extra'] or ''}=={v}{m['rest'] or ''}{m[1]}"
            ),
            changed,
            count=1,
        )
        if not count and path.suffix == ".toml":
            return ""
        end_of_line = "" if changed.endswith("\n") or not changed else "\n"
        changed = after if count else f"{changed}{end_of_line}{requirement}\n"
    return unified(text, changed, shown(path))
