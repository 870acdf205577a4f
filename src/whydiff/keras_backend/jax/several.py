"""Several steps in one call: what Python does around a small step takes longer than the step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby, islice
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from whydiff.keras_backend.base import SeveralSteps
from whydiff.keras_backend.internals import distribution_of_keras, jitted_step

#: Bytes of batches, and batches, that lie in memory for one call.
MOST_BYTES, MOST_STEPS = 1 << 24, 256
#: So many steps pay for what the loop around them takes to be compiled: as long as its step.
MANY = 1000


def several_steps(model: Any, steps: int) -> SeveralSteps | None:
    """A loop around the step in one compiled program. Only on a CPU, where batches lie in the
    memory that they are gathered from, and where all of the model is on one device."""
    step = jitted_step(model) if steps >= MANY else None
    if step is None or distribution_of_keras() is not None or jax.default_backend() != "cpu":
        return None
    theirs, loop = model.train_function, _loop(step)

    def several(state: Any, iterator: Iterator[Any], count: int) -> Any:
        logs = None
        for (_, arrays), alike in groupby(islice(iterator, count), _form):
            size = sum(math.prod(shape) * dtype.itemsize for shape, dtype in arrays)
            most = max(1, min(MOST_STEPS, MOST_BYTES // max(1, size)))
            while held := list(islice(alike, most)):
                if len(held) == 1:
                    logs, state = theirs(state, iter(held))
                else:
                    logs, state = loop(state, _together(held, most), len(held))
        return logs, state

    return several


def _loop(step: Callable[[Any, Any], Any]) -> Callable[[Any, Any, int], Any]:
    @partial(jax.jit, donate_argnums=0)
    def loop(state: Any, batches: Any, count: Any) -> Any:
        def batch(number: Any) -> Any:
            pick = partial(jax.lax.dynamic_index_in_dim, index=number, keepdims=False)
            return jax.tree.map(pick, batches)

        logs, _ = jax.eval_shape(lambda state: step(state, batch(0)), state)
        none = jax.tree.map(lambda log: jnp.zeros(log.shape, log.dtype), logs)
        return jax.lax.fori_loop(
            0, count, lambda number, carried: step(carried[1], batch(number)), (none, state)
        )

    return loop


def _form(batch: Any) -> tuple[Any, list[tuple[tuple[int, ...], np.dtype[Any]]]]:
    """What the program of a step is compiled for."""
    leaves, structure = jax.tree.flatten(batch)
    return structure, [(np.shape(leaf), np.dtype(np.result_type(leaf))) for leaf in leaves]


def _together(batches: list[Any], most: int) -> Any:
    """The batches one behind the other, with room for ``most``: one program takes any number."""

    def gathered(*leaves: Any) -> np.ndarray:
        first = np.asarray(leaves[0])
        made = np.zeros((most, *first.shape), first.dtype)
        for number, leaf in enumerate(leaves):
            made[number] = leaf
        return made

    return jax.tree.map(gathered, *batches)
