"""JAX: the training state travels through the train function, variables lag behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from whydiff.adapters.tee import Tee


def to_numpy(value: Any) -> np.ndarray:
    return np.asarray(getattr(value, "value", value))


def epoch_iterator_class() -> type:
    from keras.src.backend.jax.trainer import JAXEpochIterator

    return JAXEpochIterator


def tee(iterable: Iterable[Any], sink: Callable[[Any], None]) -> Iterable[Any]:
    return Tee(iterable, sink)


def wrap_train_function(
    function: Callable[..., Any], watcher: Callable[[], Any]
) -> Callable[..., Any]:
    def train_function(state: Any, iterator: Any) -> Any:
        watch = watcher()
        if watch is None:
            return function(state, iterator)
        # The state is donated to the step: it must be read before, and no view of it kept.
        pinned = watch.before_step(state)
        state = state if pinned is None else pinned
        logs, state = function(state, iterator)
        watch.after_step(logs, state)
        return logs, state

    return train_function


def travellers(model: Any) -> list[list[int]]:
    """Ids of the variables whose values travel, in the places where the state holds them."""
    owners = [model.trainable_variables, model.non_trainable_variables]
    owners += [model.optimizer.variables] if model.optimizer is not None else []
    return [[id(v) for v in owner] for owner in owners]


def values_of(model: Any, state: Any, known: list[list[int]] | None = None) -> dict[int, Any]:
    """Current value of each variable by id, as far as it travels. ``known``: see travellers."""
    if state is None:
        return {}
    if known is None or any(len(k) != len(s) for k, s in zip(known, state, strict=False)):
        known = travellers(model)
    found: dict[int, Any] = {}
    for ids, part in zip(known, state, strict=False):
        found.update(zip(ids, part, strict=False))
    return found


def with_values(model: Any, state: Any, values: dict[int, np.ndarray]) -> Any:
    """The travelling state with the values of some variables, by id, in place of its own."""
    if state is None or not values:
        return state
    import jax.numpy as jnp

    owners = [model.trainable_variables, model.non_trainable_variables]
    owners += [model.optimizer.variables] if model.optimizer is not None else []
    replaced = [
        type(part)(
            jnp.asarray(values[id(v)], dtype=value.dtype) if id(v) in values else value
            for v, value in zip(owner, part, strict=True)
        )
        for owner, part in zip(owners, state, strict=False)
    ]
    return (*replaced, *state[len(replaced) :])


def feed(batches: Callable[[], Iterable[Any]], like: Any) -> Iterable[Any]:
    """A generator over one epoch; a new one each time the epoch iterator asks."""
    del like
    return _Each(batches)


class _Each:
    def __init__(self, batches: Callable[[], Iterable[Any]]) -> None:
        self._batches = batches

    def __iter__(self) -> Any:
        return iter(self._batches())


def signature(iterable: Any) -> Any:
    """What a later feed must look like: nothing on this backend, arrays carry it."""
    del iterable
    return None


def initial_value(variable: Any, initializer: Any) -> np.ndarray | None:
    """The first value of a variable just made."""
    del initializer
    return np.array(to_numpy(variable._value))


def random_state() -> np.ndarray | None:
    return None  # JAX has no global generator; keys travel through seed generators.


def set_random_state(state: np.ndarray) -> None:
    del state


def draws_between(before: np.ndarray, after: np.ndarray) -> int | None:
    del before, after
    return None


def draw(count: int) -> None:
    del count


def gradients(model: Any, x: Any, y: Any, weight: Any) -> list[np.ndarray]:
    """Gradient of the training loss by every trainable variable, computed eagerly."""
    import jax

    states = [
        [v.value for v in owner]
        for owner in (
            model.trainable_variables,
            model.non_trainable_variables,
            model.metrics_variables,
        )
    ]
    slots = [v.value for v in model.optimizer.variables]
    compute = jax.grad(model.compute_loss_and_updates, has_aux=True)
    found, _ = compute(*states, x, y, weight, training=True, optimizer_variables=slots)
    return [np.asarray(gradient) for gradient in found]
