"""Where every kind of a value has been dealt with: the type checker proves it."""

from __future__ import annotations

from typing import NoReturn


def unreachable(value: NoReturn) -> NoReturn:
    """End a ``match`` over all kinds of ``value``; a kind that is left out is a type error."""
    raise AssertionError(f"nothing deals with {value!r}")
