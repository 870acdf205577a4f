"""Values beside objects, kept as long as these are and no longer."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Iterator, MutableMapping
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class Weakly(MutableMapping[Any, Value], Generic[Value]):
    """A value per object; which is which is told by identity.

    Unlike a ``WeakKeyDictionary`` it runs no Python code when an object ends. An error that a
    handler of a signal raises there would be printed as ignored, and the script never get it.
    """

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref[Any], Value]] = {}

    def __setitem__(self, key: Any, value: Value) -> None:
        ends: Any = functools.partial(self._entries.pop, id(key))
        self._entries[id(key)] = weakref.ref(key, ends), value

    def __getitem__(self, key: Any) -> Value:
        return self._entries[id(key)][1]

    def __delitem__(self, key: Any) -> None:
        del self._entries[id(key)]

    def __iter__(self) -> Iterator[Any]:
        references = [reference for reference, _ in self._entries.values()]
        return (key for reference in references if (key := reference()) is not None)

    def __len__(self) -> int:
        return len(self._entries)
