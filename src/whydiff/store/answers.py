"""Reading an answer that ``--json`` wrote: plain data, every name and type checked."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.findings import Cause, Diff, Divergence, Excluded, Explanation, Finding, Remedy

#: A larger file is not an answer of ours.
MOST_BYTES = 256 << 20


def read_answer(path: Path | str) -> Explanation | Diff:
    """The answer of ``explain --json`` or ``diff --json``.

    Raises WhydiffError for a file that is missing, is no such answer, or has another schema.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise WhydiffError(f"{path} is too large for an answer of whydiff", _WAY_OUT)
        told = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WhydiffError(f"cannot read {path}: {error.strerror}", _WAY_OUT) from None
    except (ValueError, RecursionError):
        raise WhydiffError(f"{path} is not JSON", _WAY_OUT) from None
    if not isinstance(told, dict) or "schema" not in told:
        raise WhydiffError(f"{path} is not an answer of whydiff", _WAY_OUT)
    if told["schema"] != 1:
        raise WhydiffError(
            f"{path} has schema {told['schema']!r}; this whydiff reads schema 1",
            "Upgrade whydiff to the version that wrote it.",
        )
    try:
        if "causes" in told:
            return _explanation(told)
        if "sources" in told:
            return _diff(told)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WhydiffError(f"{path} is damaged: {error}", _WAY_OUT) from None
    raise WhydiffError(f"{path} is not an answer that has a page", _WAY_OUT)


_WAY_OUT = "Name a file written by --json, a recording, or a study."


def _explanation(told: Mapping[str, Any]) -> Explanation:
    compared = _mapping(told["compared"])
    return Explanation(
        question=_text(told["question"]),
        between=_text(compared["between"]),
        a=_mapping(compared["a"]),
        b=_mapping(compared["b"]),
        chosen=_text(compared.get("chosen", "")),
        identical=bool(told["identical"]),
        first_divergence=_divergence(told["first_divergence"]),
        causes=tuple(_made(Cause, c) for c in told["causes"]),
        excluded=tuple(_made(Excluded, e) for e in told["excluded"]),
        unknown=tuple(_made(Excluded, e) for e in told.get("unknown", ())),
        unexplained=float(told["unexplained"] or 0.0),
        gap=_mapping(told["gap"]),
        remedy=_made(Remedy, told["remedy"]),
        notes=tuple(_text(n) for n in told.get("notes", ())),
        evidence=_mapping(told.get("evidence", {})),
    )


def _diff(told: Mapping[str, Any]) -> Diff:
    return Diff(
        a=_text(told["a"]),
        b=_text(told["b"]),
        identical=bool(told["identical"]),
        first_divergence=_divergence(told["first_divergence"]),
        findings=tuple(_made(Finding, f) for f in told["sources"]),
        notes=tuple(_text(n) for n in told.get("notes", ())),
        evidence=_mapping(told.get("evidence", {})),
    )


def _divergence(told: Any) -> Divergence | None:
    return None if told is None else _made(Divergence, told)


def _made(kind: type[Any], told: Any) -> Any:
    """A dataclass of text and numbers from its mapping; names that it does not know are left."""
    values = {}
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        if field.name not in _mapping(told):
            continue
        value, hint = told[field.name], hints[field.name]
        allowed = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        if float in allowed and type(value) is int:
            value = float(value)
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            raise ValueError(f"{field.name} is {value!r}")
        values[field.name] = value
    return kind(**values)


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{str(value)[:80]!r} is not a JSON object")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{str(value)[:80]!r} is not text")
    return value
