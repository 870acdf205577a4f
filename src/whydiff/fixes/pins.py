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


#: Comments and hashes in a file for pip.
_ASIDE = re.compile(r"(^|\s)#.*|\s--hash\S*")
#: Where ``pyproject.toml`` lists what is needed: not among its keywords, nor the tools' settings.
_LISTS = re.compile(
    r"^[ \t]*dependencies[ \t]*=[ \t]*\[(?:[^\n]*\][ \t]*(?:#[^\n]*)?$|.*?^[ \t]*\])"
    r"|^\[(?:project\.optional-dependencies|dependency-groups)\].*?(?=^\[|\Z)",
    re.MULTILINE | re.DOTALL,
)
#: A requirement between quotes, as ``pyproject.toml`` lists them.
_QUOTED = re.compile(r"""["']([A-Za-z][\w.-]*(?:\[[^\]]*\])?\s*[<>=!~]=?[^"']*)["']""")


def requirements(path: Path, text: str) -> list[str]:
    """What one of :data:`FILES` asks for, as far as it names versions."""
    if path.suffix == ".toml":
        lists = "\n".join(found.group() for found in _LISTS.finditer(text))
        return [found.strip() for found in _QUOTED.findall(lists)]
    return [line for line in requirement_lines(text) if line[0] != "-"]


def requirement_lines(text: str) -> list[str]:
    """The lines of a file for pip: continued ones whole, without comments and hashes."""
    lines = (_ASIDE.sub("", line).strip() for line in text.replace("\\\n", " ").splitlines())
    return [line for line in lines if line]


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
    """The file with every package pinned; "" where it cannot say so, or holds hashes of versions:
    the tool that made it has to make it again."""
    if "--hash" in text:
        return ""
    changed = text
    for requirement in pins:
        name, _, version = requirement.partition("==")
        pattern = "[-_.]".join(map(re.escape, re.split("[-_.]", name)))
        begin, end = _PLACES[path.suffix]
        found = re.compile(rf"{begin}(?P<name>{pattern}){_TAIL}{end}", re.IGNORECASE)
        lists = [m.span() for m in _LISTS.finditer(changed)] if path.suffix == ".toml" else None
        place = next((m for m in found.finditer(changed) if _is_listed(m.start(), lists)), None)
        if place is None and lists is not None:
            return ""
        if place is not None:
            pinned = f"{place['name']}{place['extra'] or ''}=={version}{place['rest'] or ''}"
            new = f"{place[1]}{pinned}{place[1]}"
            changed = changed[: place.start()] + new + changed[place.end() :]
            continue
        end_of_line = "" if changed.endswith("\n") or not changed else "\n"
        changed = f"{changed}{end_of_line}{requirement}\n"
    return unified(text, changed, shown(path))


def _is_listed(at: int, lists: Sequence[tuple[int, int]] | None) -> bool:
    """Whether a place lies in a list of requirements; all of a file that is one does."""
    return lists is None or any(first <= at < last for first, last in lists)
