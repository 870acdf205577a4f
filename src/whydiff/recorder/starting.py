"""What a training starts from: every variable's value from before its first step.

Variables come into being at any time up to the end of the first step, some of them inside a
traced program, so their values are collected as they appear and named once all are there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from whydiff.core.feeding import TransferError
from whydiff.core.recipe import Tensor
from whydiff.core.repeated import compact
from whydiff.keras_backend.base import Backend
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.subject import layers_of
from whydiff.keras_backend.variables import (
    Slot,
    Variables,
    existing_variables,
    tensor,
    variables_of,
)


class Start:
    """Collects values until :meth:`settle`; from then on ``names`` and ``variables`` stand."""

    def __init__(self, adapter: Backend, model: Any, trained_by: Mapping[str, int]) -> None:
        self._adapter, self._model, self._trained_by = adapter, model, trained_by
        self._created: dict[int, tuple[Any, np.ndarray]] = {
            id(v): (v, np.array(adapter.to_numpy(v))) for v in existing_variables(model)
        }
        self._names: Names | None = None
        self._variables: Variables | None = None
        self.values: dict[str, list[np.ndarray]] = {}
        self.unseen: dict[str, list[str]] = {}  # by group: variables whose first value is unknown
        self.trainable: tuple[bool, ...] = ()  # of every layer; a script may freeze some later

    @property
    def settled(self) -> bool:
        return self._variables is not None

    @property
    def names(self) -> Names:
        """Once settled."""
        assert self._names is not None
        return self._names

    @property
    def variables(self) -> Variables:
        """Once settled."""
        assert self._variables is not None
        return self._variables

    def created(self, variable: Any, initializer: Any) -> None:
        """A variable came into being before the first step was over."""
        value = self._adapter.initial_value(variable, initializer)
        if value is not None:
            self._created[id(variable)] = (variable, value)

    def restored(self, variable: Any) -> None:
        """A variable was filled from a file after it came into being."""
        value = self._adapter.initial_value(variable, None)
        if value is not None:
            self._created[id(variable)] = (variable, value)

    def before_first_step(self, travelling: Mapping[int, Any]) -> None:
        """``travelling`` maps ids of variables to values that are elsewhere at the moment."""
        for variable in existing_variables(self._model):
            value = np.array(self._adapter.to_numpy(travelling.get(id(variable), variable)))
            self._created.setdefault(id(variable), (variable, value))

    def pin(self, values: Mapping[str, Mapping[str, np.ndarray]]) -> dict[int, np.ndarray]:
        """Put ``values`` (by group and path) in place of the variables' own; by id what was put.

        Raises TransferError where a variable does not exist yet.
        """
        variables = variables_of(self._model, Names(self._model))
        put: dict[int, np.ndarray] = {}
        for group, slots in variables.groups().items():
            wanted = dict(values.get(group, {}))
            for slot in slots:
                value = wanted.pop(slot.path, None)
                if value is not None and tuple(value.shape) == tuple(slot.variable.shape):
                    slot.variable.assign(value)
                    put[id(slot.variable)] = value
                    self._created[id(slot.variable)] = (slot.variable, np.array(value))
            if wanted and group == "weights":
                raise TransferError(
                    f"{next(iter(wanted))} does not exist before the first step of the loop: "
                    "build the model, or call it once, before the loop begins"
                )
        return put

    def settle(self) -> None:
        """The first step is done: everything is built and can be named."""
        self._names = Names(self._model)
        self._variables = variables_of(self._model, self.names)
        for group, slots in self.variables.groups().items():
            for variable in (s.variable for s in slots if hasattr(s.variable, "absent")):
                self._created.setdefault(id(variable), (variable, variable.absent()))
            unseen = [s.path for s in slots if id(s.variable) not in self._created]
            if unseen:
                self.unseen[group] = unseen
            self.values[group] = [
                compact(self._created[id(s.variable)][1])
                if id(s.variable) in self._created
                else np.array(self._adapter.to_numpy(s.variable))
                for s in slots
            ]
        self._created.clear()
        self.trainable = tuple(layer.trainable for layer in layers_of(self._model))

    def tensors(self) -> dict[str, tuple[Tensor, ...]]:
        """The values as facts of a recipe, by group."""
        return {
            group: tuple(
                tensor(s, v, self._trained_by)
                for s, v in zip(slots, self.values[group], strict=True)
            )
            for group, slots in self.variables.groups().items()
        }

    def named(self, values: Mapping[str, Sequence[np.ndarray]]) -> dict[str, np.ndarray]:
        """Arrays by ``group:path``, for those groups that ``values`` has."""
        return {
            f"{group}:{slot.path}": value
            for group, slots in self.variables.groups().items()
            for slot, value in zip(slots, values.get(group, ()), strict=False)
        }

    def slots(self) -> list[Slot]:
        """Every named variable."""
        return [slot for group in self.variables.groups().values() for slot in group]

    def policies(self) -> dict[str, Any]:
        """Dtype policies by canonical path of the layer."""
        return {
            path: layer.dtype_policy
            for path, layer in self.names.layers.items()
            if getattr(layer, "dtype_policy", None) is not None
        }

    def regularizers(self) -> dict[str, Any]:
        """Live regularizers by canonical path of the variable, or ``activity:`` of the layer."""
        found = {
            self.names.variable(v): v.regularizer
            for v in self._model.trainable_variables
            if getattr(v, "regularizer", None) is not None
        }
        for path, layer in self.names.layers.items():
            if getattr(layer, "activity_regularizer", None) is not None:
                found[f"activity:{path}"] = layer.activity_regularizer
        return found
