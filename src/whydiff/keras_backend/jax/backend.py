"""JAX: the training state travels through the train function, variables lag behind."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from whydiff.keras_backend.alike import (
    draw as draw,
    draws_between as draws_between,
    forget_gradients as forget_gradients,
    of_one_size as of_one_size,
    opens_files as opens_files,
    operation_seeds as operation_seeds,
    permutations as permutations,
    random_operations as random_operations,
    random_state as random_state,
    seeded_state as seeded_state,
    set_operation_seeds as set_operation_seeds,
    set_random_state as set_random_state,
    signature as signature,
    told_order as told_order,
    watch_operations as watch_operations,
)
from whydiff.keras_backend.base import StepWatcher
from whydiff.keras_backend.internals import epoch_iterator, held_value, is_variable, map_leaves
from whydiff.keras_backend.jax.copying import copier as copier
from whydiff.keras_backend.jax.several import several_steps as several_steps
from whydiff.keras_backend.leaves import parts, plain, replaced
from whydiff.keras_backend.tee import Tee, Transferred

hands_on_batches, compiles = True, True


def to_numpy(value: Any) -> np.ndarray:
    return np.asarray(value.value if is_variable(value) else value)


def reader(values: Sequence[Any]) -> Callable[[], list[np.ndarray]]:
    """Reads values as they are at the time."""
    return lambda: [to_numpy(value) for value in values]


def epoch_iterator_class() -> type:
    return epoch_iterator("jax")


def tee(iterable: Iterable[Any], sink: Callable[[Any], None]) -> Iterable[Any]:
    if isinstance(iterable, Transferred):
        return Tee(iterable, lambda batch: sink(_apart(iterable.as_fetched)))
    return Tee(iterable, lambda batch: sink(_apart(batch)))


def _apart(batch: Any) -> Any:
    """The batch with sparse matrices taken apart."""
    if plain(batch) or not any(type(leaf).__name__ == "BCOO" for leaf in keras.tree.flatten(batch)):
        return batch
    return map_leaves(
        lambda leaf: (
            parts([leaf.data, leaf.indices, np.array(leaf.shape)])
            if type(leaf).__name__ == "BCOO"
            else leaf
        ),
        batch,
    )


def _whole(arrays: Sequence[Any]) -> Any:
    from jax.experimental.sparse import BCOO

    data, indices, shape = arrays
    return BCOO((jnp.asarray(data), jnp.asarray(indices)), shape=tuple(int(n) for n in shape))


def wrap_train_function(
    function: Callable[..., Any], watcher: Callable[[], StepWatcher | None]
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
    if model.optimizer is not None:
        owners += [model.optimizer.variables, getattr(model, "metrics_variables", [])]
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


def with_values(model: Any, state: Any, values: Mapping[int, np.ndarray]) -> Any:
    """The travelling state with the values of some variables, by id, in place of its own."""
    if state is None or not values:
        return state
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


def feed(
    batches: Callable[[], Iterable[Any]], like: Any, sizes: Callable[[], Collection[int]]
) -> Iterator[Any]:
    """An iterator over one epoch; a new one each time the epoch iterator asks.

    No iterable that could be passed over again: up to Keras 3.13 the epoch iterator takes slice
    after slice of what it gets, and would take the first batch each time.
    """
    del like, sizes
    return (replaced(batch, _whole) for batch in batches())


def initial_value(variable: Any, initializer: Any) -> np.ndarray | None:
    """The first value of a variable just made."""
    del initializer
    return np.array(to_numpy(held_value(variable)))


def forget_traces(model: Any) -> None:
    """Give the model steps that equal none that were traced before.

    ``jax.jit`` knows a function by equality, and two bound methods of one model are equal: while
    an earlier train function is alive, a model compiled with another loss would go on with it.
    """
    for name in ("train_step", "test_step", "predict_step"):
        own = vars(model).get(name)
        step = getattr(own, "_whydiff_step", own) or getattr(type(model), name).__get__(model)

        def fresh(*args: Any, _step: Any = step, **kwargs: Any) -> Any:
            return _step(*args, **kwargs)

        fresh._whydiff_step = step  # type: ignore[attr-defined]
        object.__setattr__(model, name, fresh)


def gradients(model: Any, x: Any, y: Any, weight: Any) -> list[np.ndarray]:
    """Gradient of the training loss by every trainable variable, computed eagerly."""
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


def tensor_like(array: np.ndarray, model: Any) -> Any:
    return jnp.asarray(array, dtype=model.dtype)


def hardware() -> Mapping[str, Any]:
    return {"devices": [f"{device.platform} {device.device_kind}" for device in jax.devices()]}


def arithmetic() -> Mapping[str, Any]:
    names = ("jax_default_matmul_precision", "jax_threefry_partitionable",
             "jax_enable_x64", "jax_disable_jit")  # fmt: skip
    return {name: getattr(jax.config, name, None) for name in names}


def without_gradients() -> contextlib.AbstractContextManager[None]:
    return contextlib.nullcontext()
