"""What a search found at its points, kept in a file so that no point is run twice."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from whydiff.core.disk import read_bytes, write_whole
from whydiff.core.errors import WhydiffError
from whydiff.storage.answers import read_as
from whydiff.storage.checked import json_value

Found = TypeVar("Found")

#: A larger file is none of ours.
_MOST_BYTES = 64 << 20


def keep(path: Path, identity: Mapping[str, Any], name: str, found: Sequence[Any]) -> None:
    """Write what is known so far, dataclasses, as ``name``. WhydiffError where that fails."""
    told = {"schema": 1, "search": search_id(identity),
            name: [_finite(asdict(one)) for one in found]}  # fmt: skip
    try:
        write_whole(path, json.dumps(told, indent=1) + "\n")
    except OSError as error:
        raise WhydiffError(f"cannot write {path}: {error.strerror}", "Name another file.") from None


def kept(
    path: Path, identity: Mapping[str, Any], name: str, kind: type[Found]
) -> tuple[Found, ...]:
    """What was found before as ``name``; () where nothing was to this question.

    WhydiffError for a file that is damaged.
    """
    if not path.exists():
        return ()
    try:
        told = json_value(read_bytes(path, _MOST_BYTES))
        if not isinstance(told, dict) or told.get("search") != search_id(identity):
            return ()
        found: tuple[Found, ...] = read_as(tuple[kind, ...], told[name])  # type: ignore[valid-type]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WhydiffError(
            f"{path} holds no search that can be read: {error}", "Name another file, or remove it."
        ) from None
    return found


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
