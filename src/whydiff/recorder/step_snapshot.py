"""What a step left in the variables and logged: read at once, or later from a copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from whydiff.core.digests import group_digest
from whydiff.keras_backend.base import Backend, Copied
from whydiff.keras_backend.variables import Variables


class Left(Protocol):
    """What one step left."""

    @property
    def outlasts(self) -> bool:
        """Whether it can still be read after the next step."""

    def digests(self, drawn: Sequence[np.ndarray]) -> tuple[int, int, int]:
        """Of weights, noise and the optimizer's state; ``drawn`` is more of the noise."""

    def logs(self) -> Any:
        """What the step logged."""


@dataclass(frozen=True, eq=False)
class AtOnce:
    """Values that are read before the next step begins, in the variables' order."""

    variables: Variables
    arrays: Sequence[np.ndarray]
    logged: Any
    outlasts: bool = False

    def digests(self, drawn: Sequence[np.ndarray]) -> tuple[int, int, int]:
        weights, noise, state = _groups(self.variables, self.arrays)
        return group_digest(weights), group_digest([*noise, *drawn]), group_digest(state)

    def logs(self) -> Any:
        return self.logged

    def rates(self) -> list[Any]:
        """The optimizer's numbers that callbacks may set, the learning rate above all."""
        state = _groups(self.variables, self.arrays)[2]
        paired = zip(self.variables.state, state, strict=True)
        return [value.tolist() for slot, value in paired if slot.role == "hyperparameter"]


@dataclass(frozen=True, eq=False)
class Later:
    """Values and logs in a copy."""

    variables: Variables
    copied: Copied
    outlasts: bool = True

    def digests(self, drawn: Sequence[np.ndarray]) -> tuple[int, int, int]:
        weights, noise, state = self.copied.digests()
        if drawn:
            noise = group_digest([*_groups(self.variables, self.copied.arrays())[1], *drawn])
        return weights, noise, state

    def logs(self) -> Any:
        return self.copied.logs()


def _groups(
    variables: Variables, arrays: Sequence[np.ndarray]
) -> tuple[Sequence[np.ndarray], Sequence[np.ndarray], Sequence[np.ndarray]]:
    """The arrays of weights, noise and the optimizer's state."""
    first, last = len(variables.weights), len(arrays) - len(variables.state)
    return arrays[:first], arrays[first:last], arrays[last:]


class StepSnapshots:
    """What the steps of one fit leave, one after another."""

    def __init__(self, adapter: Backend, variables: Variables, copies: bool) -> None:
        self._adapter, self._variables, self._copies = adapter, variables, copies
        groups = (variables.weights, variables.noise, variables.state)
        self._groups = [[slot.variable for slot in group] for group in groups]
        self._live = [variable for group in self._groups for variable in group]
        self._reader: Callable[[], list[np.ndarray]] | None = None
        self._copy: Callable[[Any, Any], Copied | None] | None = None
        self._asked = not copies

    def begin_epoch(self) -> None:
        """Between two epochs a script may change what is trained, and so what travels."""
        self._asked, self._copy = not self._copies, None

    def copied(
        self, state: Any, logs: Any, travellers: Callable[[], Sequence[Sequence[int]]]
    ) -> Later | None:
        """What a step left and logged, where the backend would have us wait for it: a copy, which
        may be read later. ``travellers`` says of which variables ``state`` holds the values."""
        if not self._asked:
            self._asked = True
            known = [] if state is None else travellers()
            if known and all(len(k) == len(p) for k, p in zip(known, state, strict=False)):
                places = {
                    key: (part, place)
                    for part, keys in enumerate(known)
                    for place, key in enumerate(keys)
                }
                self._copy = self._adapter.copier(self._groups, places, state, logs)
        if self._copy is None:
            return None
        copied = self._copy(state, logs)
        return None if copied is None else Later(self._variables, copied)

    def read(self, travelling: Mapping[int, Any], logs: Any) -> AtOnce:
        """``travelling``: the values, by id of the variable, that are elsewhere at the moment."""
        if travelling:
            values = [travelling.get(id(variable), variable) for variable in self._live]
            return AtOnce(self._variables, self._adapter.reader(values)(), logs)
        if self._reader is None:
            self._reader = self._adapter.reader(self._live)
        return AtOnce(self._variables, self._reader(), logs)
