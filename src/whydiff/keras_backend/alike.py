"""What several backends answer alike: see :class:`whydiff.keras_backend.base.Backend`.

First those without a global generator whose state could be read: JAX has none, as its keys travel
through seed generators, and TensorFlow's lies in the kernels of its stateful operations. Nor do
their variables hold gradients. Then those whose variables hold their own values at every moment,
and those whose operations draw from no generators of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from whydiff.keras_backend.base import OpensFile, StepWatcher


def random_state() -> np.ndarray | None:
    return None


def set_random_state(state: np.ndarray) -> None:
    del state


def draws_between(before: np.ndarray, after: np.ndarray) -> int | None:
    del before, after
    return None


def draw(count: int) -> None:
    del count


def seeded_state(seed: int) -> np.ndarray | None:
    del seed
    return None


def permutations(seed: int, peeks: int) -> Callable[[int], np.ndarray]:
    """As NumPy draws them after its seed: Keras shuffles with NumPy on JAX. What tf.data draws
    depends on more than the seed."""
    return by_numpy(seed, peeks)


def forget_gradients(model: Any) -> None:
    """Variables hold no gradients here."""
    del model


def by_numpy(seed: int, peeks: int) -> Callable[[int], np.ndarray]:
    """Those of Keras's arrays after ``numpy.random.seed(seed)``, one per pass over the data.

    Building a model looks at a first batch; ``peeks`` permutations are used up by that.
    """
    generator = np.random.RandomState(seed)
    left = [peeks]

    def permute(count: int) -> np.ndarray:
        while left[0]:
            generator.permutation(count)
            left[0] -= 1
        return generator.permutation(count)

    return permute


def wrap_train_function(
    function: Callable[..., Any], watcher: Callable[[], StepWatcher | None]
) -> Callable[..., Any]:
    def train_function(data: Any) -> Any:
        watch = watcher()
        if watch is None:
            return function(data)
        watch.before_step(None)
        logs = function(data)
        watch.after_step(logs, None)
        return logs

    return train_function


def several_steps(model: Any, steps: int) -> None:
    """Steps are made one by one."""
    del model, steps


def travellers(model: Any) -> list[list[int]]:
    """Nothing travels: variables hold their own values."""
    del model
    return []


def values_of(model: Any, state: Any, known: list[list[int]] | None = None) -> dict[int, Any]:
    """Nothing travels."""
    del model, state, known
    return {}


def copier(
    groups: Sequence[Sequence[Any]], places: Mapping[int, tuple[int, int]], state: Any, logs: Any
) -> None:
    """Nothing is copied: a value is there to read as soon as its step has returned."""
    del groups, places, state, logs


def with_values(model: Any, state: Any, values: Mapping[int, np.ndarray]) -> Any:
    """Nothing travels: what was assigned to the variables is what the step reads."""
    del model, values
    return state


def forget_traces(model: Any) -> None:
    """Nothing to do: every train function is traced anew here."""
    del model


def told_order() -> AbstractContextManager[None]:
    """Nobody tells the order of arrays in advance: each batch is looked at on its way."""
    return nullcontext()


def signature(iterable: Any) -> Any:
    """What a later feed must look like: nothing, arrays carry it."""
    del iterable
    return None


def opens_files() -> Sequence[OpensFile]:
    """None: all that it opens is opened by Python."""
    return ()


def of_one_size(iterable: Any) -> bool:
    """Whether functions are traced for one size of batches: they are traced for each."""
    del iterable
    return False


def random_operations(function: Any) -> list[tuple[str, int, int]]:
    """None: whatever draws takes a key or the global generator."""
    del function
    return []


def watch_operations() -> Callable[[], list[tuple[str, int, int]]]:
    return list


def operation_seeds() -> Any:
    return None


def set_operation_seeds(state: Any) -> None:
    del state
