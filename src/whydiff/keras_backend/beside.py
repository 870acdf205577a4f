"""What is known of a model, kept as long as the model is and no longer."""

from __future__ import annotations

import itertools
from typing import Any, Generic, TypeVar

from whydiff.core.weakly import Weakly
from whydiff.keras_backend.internals import companion

Value = TypeVar("Value")
_numbers = itertools.count()


class BesideModels(Generic[Value]):
    """A value per model, which may refer to the model.

    In a ``WeakKeyDictionary`` such a value would keep its own key alive, and a script that trains
    many models would run out of memory. So the model holds it, where no attribute of it shows that.
    """

    def __init__(self) -> None:
        self._name = f"whydiff {next(_numbers)}"
        self._others: Weakly[Value] = Weakly()

    def __setitem__(self, model: Any, value: Value) -> None:
        held = companion(model)
        if held is None:
            self._others[model] = value
        else:  # a shallow copy of the model shares it
            held[self._name] = id(model), value

    def get(self, model: Any) -> Value | None:
        """The value of a model, None where there is none."""
        held = companion(model)
        if held is None:
            return self._others.get(model)
        owner, value = held.get(self._name, (None, None))
        return value if owner == id(model) else None
