"""Reading what nobody vouches for: JSON and plain values.

Whatever is in them, reading ends soon, with a value of the type that was asked for or with a
``ValueError`` that names the place. Types are checked as values are taken out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

#: Objects and lists inside each other. Models within models come to some dozens.
MOST_DEEP = 150


def spelled_out(value: str) -> str:
    """A text in which bytes that no text has (names that are no UTF-8) are spelled out."""
    if value.isascii():
        return value
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def json_value(text: str | bytes, leaf: Callable[[str], Any] = spelled_out) -> Any:
    """The plain value of JSON text; ``leaf`` is applied to every string that is no key.

    ``ValueError`` for anything else than JSON, and for what is nested too deeply.
    """
    try:
        return _read(json.loads(text, parse_constant=_refuse), leaf, MOST_DEEP)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse(constant: str) -> Any:
    raise ValueError(f"bare {constant}")


def _read(value: Any, leaf: Callable[[str], Any], deep: int) -> Any:
    if isinstance(value, str):
        return leaf(value)
    if isinstance(value, list | dict):
        if not deep:
            raise ValueError("it is nested too deeply")
        if isinstance(value, list):
            return [_read(item, leaf, deep - 1) for item in value]
        return {spelled_out(k): _read(item, leaf, deep - 1) for k, item in value.items()}
    return value


class Checked:
    """A JSON object that nobody vouches for; ``what`` says where it stands."""

    def __init__(self, value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise ValueError(f"{what} is {_kind(value)}, not an object")
        self._value, self.what = value, what

    def __contains__(self, name: str) -> bool:
        return name in self._value

    def names(self) -> Iterator[str]:
        """The names of all entries."""
        return iter(self._value)

    def items(self) -> Iterator[tuple[str, Checked]]:
        """All entries, each of which must be an object."""
        return ((name, self.part(name)) for name in self._value)

    def take(self, name: str, kind: type[T]) -> T:
        """The entry ``name``, of exactly that type."""
        if name not in self._value:
            raise ValueError(f"{self.what} has no {name!r}")
        value = self._value[name]
        if type(value) is not kind:
            raise ValueError(f"{self.what}: {name!r} is {_kind(value)}, not {kind.__name__}")
        return value

    def text(self, name: str) -> str:
        """A string."""
        return self.take(name, str)

    def boolean(self, name: str) -> bool:
        """true or false."""
        return self.take(name, bool)

    def integer(self, name: str) -> int:
        """A whole number."""
        return self.take(name, int)

    def number(self, name: str) -> float:
        """Any number, whole ones included."""
        value = self._value.get(name)
        return self._float(name, value) if type(value) is int else self.take(name, float)

    def anything(self, name: str) -> Any:
        """An entry of any type."""
        if name not in self._value:
            raise ValueError(f"{self.what} has no {name!r}")
        return self._value[name]

    def mapping(self, name: str) -> dict[str, Any]:
        """An object of which only that is asked."""
        return self.take(name, dict)

    def optional(self, name: str, read: Callable[[str], T]) -> T | None:
        """What ``read`` takes, or None where the entry is null."""
        if name in self._value and self._value[name] is None:
            return None
        return read(name)

    def part(self, name: str) -> Checked:
        """An object, checked on."""
        return Checked(self.mapping(name), f"{self.what}: {name}")

    def parts(self, name: str) -> list[Checked]:
        """A list of objects."""
        values = self.take(name, list)
        return [Checked(v, f"{self.what}: {name} {i + 1}") for i, v in enumerate(values)]

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings."""
        return self._each(name, (str,))

    def integers(self, name: str) -> tuple[int, ...]:
        """A list of whole numbers."""
        return self._each(name, (int,))

    def numbers(self, name: str) -> tuple[float, ...]:
        """A list of numbers, as floats."""
        return tuple(self._float(name, v) for v in self._each(name, (int, float)))

    def rows(self, name: str, width: int) -> list[list[Any]]:
        """A list of lists of that length."""
        rows = self._each(name, (list,))
        for row in rows:
            if len(row) != width:
                raise ValueError(f"{self.what}: {name!r} has a row of {len(row)}, not {width}")
        return list(rows)

    def _float(self, name: str, value: float) -> float:
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"{self.what}: {name!r} is too large a number") from None

    def _each(self, name: str, kinds: tuple[type, ...]) -> tuple[Any, ...]:
        values = self.take(name, list)
        for value in values:
            if type(value) not in kinds:
                raise ValueError(f"{self.what}: {name!r} holds {_kind(value)}")
        return tuple(values)


def one_of(value: str, allowed: Sequence[str]) -> str:
    """``value`` if it is allowed."""
    if value not in allowed:
        raise ValueError(f"{value!r} is none of {', '.join(allowed)}")
    return value


def digits(value: str, most: int) -> str:
    """``value`` if it is a hexadecimal number of at most so many digits."""
    if not 0 < len(value) <= most or any(c not in "0123456789abcdef" for c in value):
        raise ValueError(f"{value!r} is not a digest")
    return value


def _kind(value: Any) -> str:
    return "null" if value is None else f"{type(value).__name__}"
