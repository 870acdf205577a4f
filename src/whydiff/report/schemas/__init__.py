"""The JSON Schemas of what ``--json`` writes: one file per kind of answer and version.

``docs/make_schemas.py`` makes them from the types of the answers. Names that are required stay
within a version; additions are allowed.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

#: version of the answers that this whydiff writes
VERSION = 1
KINDS = (
    "bisection",
    "check",
    "comparison",
    "diff",
    "explanation",
    "matrix",
    "recording",
    "runs",
    "study",
    "verification",
)


def schema(kind: str, version: int = VERSION) -> dict[str, Any]:
    """The schema (draft 2020-12) of a kind of answer, with those that it refers to in ``$defs``.

    ``KeyError`` for another kind or version.
    """
    if kind not in KINDS or not 1 <= version <= VERSION:
        raise KeyError(f"there is no schema {version} of {kind!r}; kinds: {', '.join(KINDS)}")
    text = files(__name__).joinpath(f"{kind}-{version}.json").read_text("utf-8")
    made: dict[str, Any] = json.loads(text)
    for other in KINDS:
        if f'"{other}-{version}.json"' in text:
            made.setdefault("$defs", {})[other] = schema(other, version)
    return made
