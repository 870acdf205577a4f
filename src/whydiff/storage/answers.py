"""Answers and searches as JSON in files: plain data, every name and type checked when read."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypedDict, TypeVar

from whydiff.core.comparison import Comparison
from whydiff.core.disk import read_bytes, write_whole
from whydiff.core.errors import WhydiffError
from whydiff.core.findings import Diff, Explanation
from whydiff.core.searches import Bisection, Matrix
from whydiff.core.study import Study
from whydiff.core.tracked import RunDifferences
from whydiff.core.visible import plain
from whydiff.storage.codec import json_value
from whydiff.storage.opening import newer


class _Logged(TypedDict):
    epoch: int
    logs: Mapping[str, float]


#: A fact, a setting or a seed of A and of B.
class _Fact(TypedDict):
    name: str
    a: Any
    b: Any


class _SavedSetting(TypedDict):
    setting: str
    a: Any
    b: Any


class _SavedWeight(TypedDict):
    weight: str
    a: str
    b: str
    relative: float


class _Setting(_Fact):
    source: str


class _Seed(TypedDict):
    layer: str | None
    owner: str


class _Fed(TypedDict):
    side: str
    every: int
    order: tuple[int, ...]


#: Names with spaces are no identifiers, so these have no body.
_Order = TypedDict(
    "_Order", {"a epochs": int, "b epochs": int, "equal epochs": int, "fed": tuple[_Fed, ...]}
)
_Hybrid = TypedDict("_Hybrid", {"from B": tuple[str, ...], "distance": float})


class _EqualSteps(TypedDict):
    equal: int
    of: int


class _Trace(TypedDict):
    unit: str
    x: tuple[float, ...]
    epoch: tuple[int, ...]
    a: tuple[float, ...]
    b: tuple[float, ...]
    distance: tuple[float, ...]


class _Picture(TypedDict, total=False):
    picture: str


class _Disagreement(_Picture):
    example: int
    a: Any
    b: Any
    distance: float


class _Row(TypedDict):
    row: int
    a: tuple[float, ...]
    b: tuple[float, ...]
    distance: float


class _Call(TypedDict):
    number: int


_Evidence = TypedDict(
    "_Evidence",
    {
        "command": str,
        "trace": _Trace | None,
        "epochs": Mapping[str, tuple[_Logged, ...]],
        "order": _Order,
        "seeds": Mapping[str, tuple[_Seed, ...]],
        "settings": tuple[_Setting, ...],
        "environment": tuple[_Fact, ...],
        "equal steps": _EqualSteps,
        "hybrids": tuple[_Hybrid, ...],
        "disagreements": tuple[_Disagreement, ...],
        "rows": tuple[_Row, ...],
        "saved settings": tuple[_SavedSetting, ...],
        "saved compile settings": tuple[_SavedSetting, ...],
        "saved weights": tuple[_SavedWeight, ...],
    },
    total=False,
)


class OfExplanation(_Evidence, total=False):
    """The calls of a script, in order."""

    calls: tuple[_Call, ...]


class OfDiff(_Evidence, total=False):
    """The two calls compared, by side."""

    calls: Mapping[str, Mapping[str, Any]]


#: Of the JSON that ``--json`` writes. Additions need no new one.
SCHEMA = 1
#: A larger file is not an answer of ours.
MOST_BYTES = 256 << 20
#: Kind of answer -> the shape of its evidence.
_EVIDENCE: dict[Any, Any] = {Explanation: OfExplanation, Diff: OfDiff}
_WAY_OUT = "Name a file written by --json, a recording, or a study."

Answer = Explanation | Diff | Study | Comparison | Bisection | Matrix | RunDifferences


def read_answer(path: Path | str) -> Answer:
    """What ``--json`` wrote of ``explain``, ``diff``, ``study``, ``compare``, ``bisect``,
    ``matrix`` or ``explain --runs-of``.

    Raises WhydiffError for a file that is missing, is no such answer, or has another schema.
    """
    path = Path(path)
    try:
        told = json_value(read_bytes(path, MOST_BYTES))
    except OSError as error:
        raise WhydiffError(f"cannot read {path}: {error.strerror}", _WAY_OUT) from None
    except ValueError as error:
        raise WhydiffError(f"{path} is not JSON: {error}", _WAY_OUT) from None
    if not isinstance(told, dict) or "schema" not in told:
        raise WhydiffError(f"{path} is not an answer of whydiff", _WAY_OUT)
    schema = told["schema"]
    if type(schema) is int and schema > SCHEMA:
        raise newer(path, "answer", schema, SCHEMA)
    if schema != SCHEMA:
        raise WhydiffError(f"{path} is damaged: its schema is {str(schema)[:80]!r}", _WAY_OUT)
    if "search" in told and "question" not in told:
        raise WhydiffError(
            f"{path} holds a search that is not finished",
            "Run the command again: what was found so far is not run again.",
        )
    try:
        return _answer(told)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise WhydiffError(f"{path} is damaged: {error}", _WAY_OUT) from None


def _answer(told: dict[str, Any]) -> Answer:
    """Told apart by what only one of them has."""
    kind: Any
    if "causes" in told:
        kind, told = Explanation, _flat(told)
    elif "sources" in told:
        kind, told = Diff, {**told, "findings": told["sources"]}
    elif "replicas" in told and "gates" in told:
        kind, told = Study, {**told, "table": told["replicas"]}
    elif "pairs" in told and "effect" in told:
        kind = Comparison
    elif "points" in told and "tried" in told:
        kind, explained = Bisection, told.get("explanation")
        told = {**told, "explanation": None if explained is None else _flat(explained)}
    elif "cells" in told:
        kind = Matrix
    elif "differences" in told:
        kind, explained = RunDifferences, told.get("explanation")
        told = {**told, "explanation": None if explained is None else _flat(explained)}
    else:
        raise ValueError("it is not an answer that has a page")
    found: Answer = read_as(kind, told)
    return found


def _flat(value: Any) -> dict[str, Any]:
    """An explanation's fields; what was compared stands in an object of its own in JSON."""
    explanation = _object(value, "explanation")
    return {**explanation, **_object(explanation["compared"], "compared")}


def read_as(kind: Any, value: Any, name: str = "answer") -> Any:
    """``value`` as what a dataclass's annotation says; ValueError where it is something else.

    Fields that are missing keep their default; names that are not known are left. A number that
    is null in JSON was not finite.
    """
    if kind is Any:
        return value
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return _one_of(arguments, value, name)
    if dataclasses.is_dataclass(kind):
        return _made(kind, _object(value, name), name)
    if typing.is_typeddict(kind):
        return _entries(kind, _object(value, name), name)
    if origin is tuple:
        return _row(arguments, value, name)
    if origin in (dict, Mapping):
        return {k: read_as(arguments[1], v, f"{name}.{k}") for k, v in _object(value, name).items()}
    if kind is float:
        if value is None:
            return math.nan
        if type(value) is int:
            return float(value)
    if type(value) is not kind:
        raise ValueError(f"{name} is {str(value)[:80]!r}")
    return value


def _one_of(kinds: tuple[Any, ...], value: Any, name: str) -> Any:
    if value is None and types.NoneType in kinds:
        return None
    for kind in kinds:
        if kind is not types.NoneType:
            return read_as(kind, value, name)
    raise ValueError(f"{name} is {str(value)[:80]!r}")


def _made(kind: Any, value: Mapping[str, Any], name: str) -> Any:
    hints = typing.get_type_hints(kind)
    if kind in _EVIDENCE:
        read_as(_EVIDENCE[kind], value.get("evidence", {}), f"{name}.evidence")
    return kind(
        **{
            field.name: read_as(hints[field.name], value[field.name], f"{name}.{field.name}")
            for field in dataclasses.fields(kind)
            if field.name in value
        }
    )


def _entries(kind: Any, value: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The entries that are known; the others are left out."""
    missing = sorted(kind.__required_keys__ - value.keys())
    if missing:
        raise ValueError(f"{name} lacks {', '.join(missing)}")
    hints = typing.get_type_hints(kind)
    known = {key: hint for key, hint in hints.items() if key in value}
    return {key: read_as(hint, value[key], f"{name}.{key}") for key, hint in known.items()}


def _row(kinds: tuple[Any, ...], value: Any, name: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{name} is {str(value)[:80]!r}, not a list")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(read_as(kinds[0], v, name) for v in value)
    if len(kinds) != len(value):
        raise ValueError(f"{name} has {len(value)} entries, not {len(kinds)}")
    return tuple(read_as(k, v, name) for k, v in zip(kinds, value, strict=True))


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {str(value)[:80]!r}, not a JSON object")
    return value


Found = TypeVar("Found")

#: A larger file is none of ours.
_MOST_BYTES = 64 << 20


def keep(path: Path, identity: Mapping[str, Any], name: str, found: Sequence[Any]) -> None:
    """Write what is known so far, dataclasses, as ``name``. WhydiffError where that fails."""
    told = {"schema": 1, "search": search_id(identity),
            name: [plain(asdict(one)) for one in found]}  # fmt: skip
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


def search_id(identity: Mapping[str, Any]) -> str:
    """A digest of a question."""
    text = json.dumps(identity, sort_keys=True)
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()
