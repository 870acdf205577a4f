"""The variables of a model and its optimizer as canonical tensors, with values before a step.

Some a layer holds and Keras does not track: a stateful recurrent layer keeps its hidden state so,
and a layer of the script's own may keep a counter in a bare ``tf.Variable``. They are in no list of
weights, and yet a step starts from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.core.recipe import Tensor
from whydiff.keras_backend.internals import (
    global_generator,
    has_weights,
    is_variable,
    leave_out_of_decay,
    left_out_of_decay,
    optimizer_variables,
    own_generators,
    own_variables,
    rate_of,
    trained_variables,
)
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.subject import generators_of, layers_of, models_of, optimizers_of

#: What :class:`~whydiff.core.recipe.Tensor` calls their role.
ROLE = "hidden"


def hidden_variables(layer: Any) -> Iterator[tuple[str, Any]]:
    """(attribute, variable) of each untracked variable that a layer holds itself.

    None on JAX: a compiled step there cannot leave anything in a variable that Keras does not
    pass in and out.
    """
    if keras.backend.backend() == "jax":
        return
    tracked = {id(v) for v in own_variables(layer)}
    tracked |= {id(g.state) for g in own_generators(layer)}
    for attribute, value in list(vars(layer).items()):
        if attribute.startswith("_"):
            continue
        parts = value if isinstance(value, (list, tuple)) else (value,)
        for number, part in enumerate(parts):
            if _is_variable(part) and id(part) not in tracked:
                yield f"{attribute}_{number}" if len(parts) > 1 else attribute, part


def named(names: Names) -> Iterator[tuple[str, Any]]:
    """(canonical path, variable) of all untracked variables of a model."""
    seen = {id(v) for layer in names.layers.values() for v in own_variables(layer)}
    for path, layer in names.layers.items():
        for attribute, variable in hidden_variables(layer):
            if id(variable) not in seen:
                seen.add(id(variable))
                yield f"{path}/{attribute}" if path else attribute, variable


def _is_variable(value: Any) -> bool:
    if is_variable(value):
        return value.shape is not None and all(d is not None for d in value.shape)
    kind = type(value)
    return kind.__name__ == "ResourceVariable" and kind.__module__.startswith("tensorflow.")


def undecayed(optimizer: Any, variables: Sequence[Any]) -> list[str]:
    """What ``exclude_from_weight_decay`` was told: parts of names, positions of variables."""
    pattern, named_itself = left_out_of_decay(optimizer)
    named = sorted(pattern.pattern.split("|")) if pattern is not None else []
    given = [i for i, v in enumerate(variables) if named_itself(v)]
    return named + [f"variable {i}" for i in given]


def leave_out_alike(optimizer: Any, twin: Any, variables: Sequence[Any]) -> None:
    """Let ``twin``, which is not built yet, leave out what ``optimizer`` does.

    Variables that were given themselves are found among ``variables``, those that the twin will
    train, by their position.
    """
    pattern, named_itself = left_out_of_decay(optimizer)
    pairs = zip(trained_variables(optimizer), variables, strict=False)
    alike = [other for v, other in pairs if named_itself(v)]
    if pattern is not None or alike:
        leave_out_of_decay(twin, alike, pattern)


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
        if is_seed_state(variable):
            noise.append(Slot(variable, names.variable(variable), "seed"))
        else:
            weights.append(Slot(variable, names.variable(variable), "non-trainable"))
    weights += [Slot(v, path, ROLE) for path, v in named(names)]
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
    found += [v for layer in layers_of(model) for _, v in hidden_variables(layer)]
    found += [generator.state for generator in generators_of(model).values()]
    shared = _global_seed_generator()
    return found if shared is None else [*found, shared.state]


def is_seed_state(variable: Any) -> bool:
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
