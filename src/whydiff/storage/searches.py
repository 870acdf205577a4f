"""What a search found at its points, kept in a file so that no point is run twice."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from whydiff.core.bisection import Tried
from whydiff.core.errors import WhydiffError
from whydiff.core.ordinary import read_bytes
from whydiff.core.outputs import write_whole
from whydiff.storage.answers import read_as
from whydiff.storage.checked import json_value

#: A larger file is none of ours.
_MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class Kept:
    """Answers by point, and what was asked; answers to another question do not hold."""

    identity: Mapping[str, Any]
    tried: tuple[Tried, ...]


def keep(path: Path, what: Kept) -> None:
    """Write what is known so far. WhydiffError where that fails."""
    told = {"schema": 1, "search": search_id(what.identity),
            "tried": [_finite(asdict(one)) for one in what.tried]}  # fmt: skip
    try:
        write_whole(path, json.dumps(told, indent=1) + "\n")
    except OSError as error:
        raise WhydiffError(f"cannot write {path}: {error.strerror}", "Name another file.") from None


def kept(path: Path, identity: Mapping[str, Any]) -> dict[int, Tried]:
    """Answers of before by number of the point; {} where there are none to this question.

    WhydiffError for a file that is damaged.
    """
    if not path.exists():
        return {}
    try:
        told = json_value(read_bytes(path, _MOST_BYTES))
        if not isinstance(told, dict) or told.get("search") != search_id(identity):
            return {}
        tried = read_as(tuple[Tried, ...], told["tried"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WhydiffError(
            f"{path} holds no search that can be read: {error}", "Name another file, or remove it."
        ) from None
    return {one.number: one for one in tried}


def _finite(value: Any) -> Any:
    """JSON has no numbers that are not finite: they are null."""
    if isinstance(value, Mapping):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def search_id(identity: Mapping[str, Any]) -> str:
    """A digest of a question."""
    text = json.dumps(identity, sort_keys=True)
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()
