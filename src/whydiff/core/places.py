"""Lines of a person's files that sentences name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from whydiff.core.findings import Cause

#: how a sentence goes on where the line that follows is a suspicion: nothing was measured of it
FROM_TEXT = "suspected from the text"
MAY_BE = "it may come from"
#: ``train.py:12`` in a sentence
_NAMED = re.compile(r"(?P<file>[\w./\\-]+\.(?:py|ipynb)):(?P<line>\d+)")
#: ``at line 12`` in a sentence: of the script itself
_LINE = re.compile(r"\bline (?P<line>\d+)")


def place_in(text: str, script: str) -> tuple[str, int] | None:
    """File and line that ``text`` names; a bare name is the script's where they are equal."""
    found = _NAMED.search(text)
    if found:
        file = found["file"]
        same = PurePath(file).name == PurePath(script).name and "/" not in file
        return (script if same else file), int(found["line"])
    found = _LINE.search(text)
    return (script, int(found["line"])) if found else None


def located(cause: Cause, a: Mapping[str, Any], b: Mapping[str, Any]) -> Cause:
    """A cause with the line that made the difference, where that is known or what is said of it
    names one.

    ``a`` and ``b`` are the sides of an explanation.
    """
    script = str(b.get("script") or a.get("script") or "")
    place = place_in(cause.where, script) or said_place(cause, script)
    return replace(cause, where=f"{place[0]}:{place[1]}") if place else cause


def said_place(cause: Cause, script: str) -> tuple[str, int] | None:
    """File and line that what is said of a cause names, None where it names none."""
    detail = re.split(rf"\((?:{FROM_TEXT}|{MAY_BE}): ", cause.detail)[0]
    named = (place_in(text, script) for text in (detail, cause.evidence))
    return next(filter(None, named), None)
