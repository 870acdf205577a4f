"""Paths of copies in what is shown: they are named as what they are copies of."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import TypeVar

Value = TypeVar("Value")


def renamed(value: Value, place: str, name: str) -> Value:
    """A value, and what it holds, with ``name`` where its texts say ``place``."""
    changed: object = value
    if isinstance(value, str):
        changed = value.replace(place, name)
    elif isinstance(value, dict):
        changed = {renamed(k, place, name): renamed(v, place, name) for k, v in value.items()}
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        changed = type(value)(*(renamed(one, place, name) for one in value))
    elif isinstance(value, list | tuple):
        changed = type(value)(renamed(one, place, name) for one in value)
    elif is_dataclass(value) and not isinstance(value, type):
        held = {f.name: getattr(value, f.name) for f in fields(value) if f.init}
        changed = replace(value, **{n: renamed(v, place, name) for n, v in held.items()})
    return changed  # type: ignore[return-value]  # of the same type
