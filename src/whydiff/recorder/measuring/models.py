"""The models of an execution, numbered in the order in which they were first seen."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from whydiff.core.interrupting import pass_on
from whydiff.core.stack import Frame
from whydiff.keras_backend.internals import graph_of, layer_tree


@dataclass
class Known:
    """A model: where it was built, and whether it was trained or called by the script."""

    model: weakref.ref[Any]
    number: int
    stack: tuple[Frame, ...]
    used: bool = False


class Models:
    """Every model that came into being while the script ran."""

    def __init__(self) -> None:
        self._known: dict[int, Known] = {}
        self._shown = 0

    def made(self, model: Any, stack: tuple[Frame, ...]) -> None:
        """``model`` is being built; it gets its number when it is first told of."""
        self._known[id(model)] = Known(weakref.ref(model), 0, stack)

    def of(self, model: Any) -> Known:
        """What is known of a model, which has its number from now on."""
        known = self._known.get(id(model))
        if known is None or known.model() is not model:
            known = self._known[id(model)] = Known(weakref.ref(model), 0, ())
        if not known.number:
            self._shown += 1
            known.number = self._shown
        return known

    def named(self, number: int) -> str:
        """What a person calls the model with that number: by its name, while it exists and no
        other has the same."""
        alive = {k.number: k.model() for k in self._known.values() if k.number}
        names = {n: str(model.name) for n, model in alive.items() if model is not None}
        name = names.get(number, "")
        alone = [*names.values()].count(name) == 1
        return f"model {name!r}" if alone else f"model {number}"

    def alive(self) -> list[Any]:
        """Models that still exist, in the order in which they were built.

        What a sequential model is made of inside is none of its own.
        """
        models = [model for known in self._known.values() if (model := known.model()) is not None]
        graphs = {id(graph_of(model)) for model in models}
        return [model for model in models if id(model) not in graphs]

    def holding(self, layer: Any) -> Any:
        """A model that holds ``layer``: itself if it is one, None if there is none."""
        if any(model is layer for model in self.alive()):
            return layer
        for model in reversed(self.alive()):
            if any(part is layer for part in layer_tree(model)):
                return model
        return None

    def holding_variable(self, variable: Any) -> Any:
        """A model that has ``variable``, the newest first; None if there is none."""
        for model in reversed(self.alive()):
            if any(own is variable for own in model.variables):
                return model
        return None

    def never_used(self) -> Iterator[tuple[Any, Known]]:
        """Models with weights that were neither trained nor called, nor are part of others.

        A model whose weights all belong to models that were used (a feature extractor that was
        only looked at) is none.
        """
        alive = self.alive()
        parts: set[int] = set()
        used: set[int] = set()
        for model in alive:
            try:
                tree = layer_tree(model)
                parts.update(id(part) for part in tree if part is not model)
                if self._known[id(model)].used:
                    used.update(id(variable) for variable in model.variables)
            except Exception as error:  # half built
                pass_on(error)
                parts.add(id(model))
        for place, model in enumerate(alive):
            known = self._known[id(model)]
            if known.used or id(model) in parts:
                continue
            own = {id(variable) for variable in model.variables}
            if own and not own <= used and not self._is_inside(own, known, alive[:place]):
                yield model, self.of(model)

    def _is_inside(self, own: set[int], known: Known, earlier: Sequence[Any]) -> bool:
        """Whether one that the same call of the script began to build before has all the weights.

        A sequential model builds its graph anew with every layer; earlier graphs stay for a while.
        """
        return any(
            self._known[id(other)].stack == known.stack
            and own <= {id(variable) for variable in other.variables}
            for other in earlier
        )
