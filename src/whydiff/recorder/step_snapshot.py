"""What a step left in the variables: read at once, or later from a copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from whydiff.keras_backend.base import Backend, Reader
from whydiff.keras_backend.variables import Variables


@dataclass(frozen=True, eq=False)
class Values:
    """The values of a model's variables on the host, group by group, in the variables' order."""

    variables: Variables
    weights: Sequence[np.ndarray]
    noise: Sequence[np.ndarray]
    state: Sequence[np.ndarray]

    def rates(self) -> list[Any]:
        """The optimizer's numbers that callbacks may set, the learning rate above all."""
        paired = zip(self.variables.state, self.state, strict=True)
        return [value.tolist() for slot, value in paired if slot.role == "hyperparameter"]


@dataclass(frozen=True, eq=False)
class Left:
    """What one step left. ``outlasts``: whether it can still be read after the next step."""

    variables: Variables
    arrays: Callable[[], list[np.ndarray]]
    outlasts: bool

    def read(self) -> Values:
        arrays = self.arrays()
        first, last = len(self.variables.weights), len(arrays) - len(self.variables.state)
        return Values(self.variables, arrays[:first], arrays[first:last], arrays[last:])


class StepSnapshots:
    """What the steps of one fit leave, one after another."""

    def __init__(self, adapter: Backend, variables: Variables, copies: bool) -> None:
        self._adapter, self._variables, self._copies = adapter, variables, copies
        groups = (variables.weights, variables.noise, variables.state)
        self._live = [slot.variable for group in groups for slot in group]
        self._reader: Callable[[], list[np.ndarray]] | None = None
        self._asked = False
        self._copy: Callable[[Sequence[Any]], Reader] | None = None

    def begin_epoch(self) -> None:
        """Between two epochs a script may change what is trained, and so what travels."""
        self._asked, self._copy = False, None

    def of_step(self, travelling: Mapping[int, Any], at_once: bool) -> Left:
        """``travelling``: the values, by id of the variable, that are elsewhere at the moment.

        Where it may be read later, and the backend would have us wait, it is copied.
        """
        values = [travelling.get(id(variable), variable) for variable in self._live]
        if self._copies and not self._asked:
            self._asked, self._copy = True, self._adapter.copier(values)
        if self._copy is not None and not at_once:
            return Left(self._variables, self._copy(values), True)
        if travelling:
            return Left(self._variables, self._adapter.reader(values), False)
        if self._reader is None:
            self._reader = self._adapter.reader(self._live)
        return Left(self._variables, self._reader, False)
