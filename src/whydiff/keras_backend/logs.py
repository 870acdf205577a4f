"""Keras's logs as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def numbers(logs: Any) -> dict[str, float]:
    """Logs as plain floats; entries that are not numbers are left out."""
    found: dict[str, float] = {}
    for key, value in (logs or {}).items():
        if isinstance(value, Mapping):
            found |= {f"{key}/{k}": v for k, v in numbers(value).items()}
            continue
        try:
            found[str(key)] = float(value)
        except (TypeError, ValueError):
            continue
    return found
