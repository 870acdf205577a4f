"""Showing batches to a watcher without pulling ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any


class Transferred:
    """Batches on a device; ``as_fetched`` is the last one as it was before it moved there."""

    def __init__(self, batches: Iterator[Any], fetched: deque[Any]) -> None:
        self._batches, self._fetched = batches, fetched
        self.as_fetched: Any = None

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        batch = next(self._batches)
        self.as_fetched = self._fetched.popleft()
        return batch


class Tee:
    """An iterable that shows each element to ``sink`` when, and only when, it is asked for.

    ``iter()`` reaches the wrapped iterable only when ``iter()`` is called here, so a loader that
    draws a seed per iterator draws exactly as many as without us.
    """

    def __init__(self, iterable: Any, sink: Callable[[Any], None]) -> None:
        self._iterable = iterable
        self._sink = sink

    def __iter__(self) -> Iterator[Any]:
        return _TeeIterator(iter(self._iterable), self._sink)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._iterable, name)


class _TeeIterator:
    def __init__(self, iterator: Iterator[Any], sink: Callable[[Any], None]) -> None:
        self._iterator = iterator
        self._sink = sink

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        element = next(self._iterator)
        self._sink(element)
        return element
