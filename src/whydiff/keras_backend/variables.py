"""The variables of a model and its optimizer as canonical tensors, with values before a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.core.recipe import Tensor
from whydiff.keras_backend import hidden
from whydiff.keras_backend.internals import (
    global_generator,
    has_weights,
    optimizer_variables,
    rate_of,
)
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.subject import generators_of, layers_of, models_of, optimizers_of


@dataclass(frozen=True, eq=False)
class Slot:
    """A live variable with its canonical path and role."""

    variable: Any
    path: str
    role: str


@dataclass(frozen=True, eq=False)
class Variables:
    """Live variables of one model, in a stable order."""

    weights: tuple[Slot, ...]
    noise: tuple[Slot, ...]
    state: tuple[Slot, ...]  # optimizer: hyperparameters, iteration count and slots

    def groups(self) -> Mapping[str, tuple[Slot, ...]]:
        return {"weights": self.weights, "noise": self.noise, "state": self.state}


def variables_of(model: Any, names: Names) -> Variables:
    """Sort a built model's (or subject's) variables into weights, seed states, optimizer state."""
    weights = [Slot(v, names.variable(v), "trainable") for v in model.trainable_variables]
    noise = []
    for variable in model.non_trainable_variables:
        if _is_seed_state(variable):
            noise.append(Slot(variable, names.variable(variable), "seed"))
        else:
            weights.append(Slot(variable, names.variable(variable), "non-trainable"))
    weights += [Slot(v, path, hidden.ROLE) for path, v in hidden.named(names)]
    shared = _global_seed_generator()
    if shared is not None:
        noise.append(Slot(shared.state, "global seed generator", "seed"))
    for name, generator in generators_of(model).items():
        noise.append(Slot(generator.state, name, "seed"))
    state = []
    for name, optimizer in optimizers_of(model).items():
        paths = names.optimizer_variables(model, optimizer)
        steered = _hyperparameters(optimizer)
        for variable, path in zip(optimizer_variables(optimizer), paths, strict=True):
            role = "hyperparameter" if id(variable) in steered else "slot"
            state.append(Slot(variable, f"{name}/{path}" if name else path, role))
    return Variables(tuple(weights), tuple(noise), tuple(state))


def existing_variables(model: Any) -> list[Any]:
    """Every variable that a training of ``model`` reads, as far as it exists by now."""
    found = []
    if all(map(has_weights, models_of(model))):
        found += list(model.trainable_variables) + list(model.non_trainable_variables)
    for optimizer in optimizers_of(model).values():
        found += optimizer_variables(optimizer)
    found += [v for layer in layers_of(model) for _, v in hidden.hidden_variables(layer)]
    found += [generator.state for generator in generators_of(model).values()]
    shared = _global_seed_generator()
    return found if shared is None else [*found, shared.state]


def _is_seed_state(variable: Any) -> bool:
    return str(variable.name) == "seed_generator_state"


def _global_seed_generator() -> Any:
    """The generator behind ``keras.random.normal(...)`` without a seed, if anything used it.

    On JAX it cannot be used inside a compiled step, so it does not count there.
    """
    import keras

    if keras.backend.backend() == "jax":
        return None
    return global_generator()


def _hyperparameters(optimizer: Any) -> set[int]:
    found = set()
    for owner in (optimizer, getattr(optimizer, "inner_optimizer", None)):
        rate = rate_of(owner)
        if rate is not None:
            found.add(id(rate))
    return found


def tensor(slot: Slot, value: np.ndarray, trained_by: Mapping[str, int]) -> Tensor:
    """A tensor fact; ``trained_by`` maps digests that earlier fits left to their index."""
    digest = tensor_digest(value)
    return Tensor(
        slot.path, slot.role, tuple(value.shape), value.dtype.name, digest, trained_by.get(digest)
    )
