"""Events that put values into a model or take them out: numbered, and told to the provenance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from whydiff.core.calls import Event
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.subject import title_of
from whydiff.keras_backend.variables import Slot, variables_of
from whydiff.recorder.ledger import user_stack

#: Of the events of one kind that one line makes so many are recorded.
PER_LINE = 100


class Events:
    """``inside`` is positive while an event happens: what Keras does then is part of it."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self.inside = 0
        self.assigned: set[int] | None = None  # ids of variables that a load has set
        self.count = 0
        self._lines: Counter[tuple[str, str, int]] = Counter()

    @contextmanager
    def nested(self) -> Iterator[None]:
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1

    @contextmanager
    def loading(self) -> Iterator[set[int]]:
        """Collects which variables are assigned while a file is read."""
        before, self.assigned = self.assigned, set()
        try:
            with self.nested():
                yield self.assigned
        finally:
            self.assigned = before

    def enter(self, kind: str, model: Any, facts: Mapping[str, Any]) -> int:
        """Write an event that happened; its number, 0 where its line made too many.

        ``model`` may be None.
        """
        stack = user_stack()
        where = (kind, stack[-1].file, stack[-1].line) if stack else (kind, "", 0)
        self._lines[where] += 1
        if self._lines[where] > PER_LINE:
            return 0
        self.count += 1
        book = self._book
        known = None if model is None else book.models.of(model)
        event = Event(
            self.count,
            book.numbers,
            kind,
            "" if model is None else title_of(model),
            known.number if known is not None else 0,
            stack,
            facts,
        )
        book.tell(event)
        return self.count

    def slots(self, layer: Any) -> list[Slot]:
        """The weights of a model, or those of one of its layers, under their names in it."""
        model = self._book.models.holding(layer)
        if model is None:  # a layer on its own, for models that are built later
            return [
                Slot(
                    v, f"{layer.name}/{v.name}", "non-trainable" if not v.trainable else "trainable"
                )
                for v in layer.variables
            ]
        slots = variables_of(model, Names(model)).weights
        if layer is model:
            return list(slots)
        own = {id(variable) for variable in layer.variables}
        return [slot for slot in slots if id(slot.variable) in own]
