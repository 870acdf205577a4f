"""What pages read of an answer's evidence: the shapes that a file must have to be shown.

Evidence may hold more, and each of these may be missing; numbers that are null were not finite.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict


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
