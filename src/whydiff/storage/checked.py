"""Plain values whose types are checked as they are taken out; ``ValueError`` names the place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


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
        return float(value) if type(value) is int else self.take(name, float)

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
        return tuple(float(v) for v in self._each(name, (int, float)))

    def rows(self, name: str, width: int) -> list[list[Any]]:
        """A list of lists of that length."""
        rows = self._each(name, (list,))
        for row in rows:
            if len(row) != width:
                raise ValueError(f"{self.what}: {name!r} has a row of {len(row)}, not {width}")
        return list(rows)

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
