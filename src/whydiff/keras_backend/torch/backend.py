"""torch: eager steps, variables updated in place, one global generator."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from whydiff.keras_backend.alike import (
    copier as copier,
    forget_traces as forget_traces,
    of_one_size as of_one_size,
    operation_seeds as operation_seeds,
    random_operations as random_operations,
    set_operation_seeds as set_operation_seeds,
    several_steps as several_steps,
    signature as signature,
    told_order as told_order,
    travellers as travellers,
    values_of as values_of,
    watch_operations as watch_operations,
    with_values as with_values,
    wrap_train_function as wrap_train_function,
)
from whydiff.keras_backend.base import OpensFile
from whydiff.keras_backend.internals import (
    epoch_iterator,
    held_value,
    map_leaves,
    to_tensor,
    training_argument,
)
from whydiff.keras_backend.tee import Tee

hands_on_batches, compiles = True, False


def to_numpy(value: Any) -> np.ndarray:
    if not isinstance(value, torch.Tensor):
        value = getattr(value, "value", value)
    if not isinstance(value, torch.Tensor):
        return np.asarray(value)
    if value.dtype == torch.bfloat16:  # NumPy has no bfloat16; ml_dtypes comes with Keras
        import ml_dtypes

        value = value.detach().cpu().contiguous()
        bits: np.ndarray = value.view(torch.uint16).numpy()
        return bits.view(ml_dtypes.bfloat16)
    array: np.ndarray = value.numpy(force=True)
    return array


def reader(values: Sequence[Any]) -> Callable[[], list[np.ndarray]]:
    """Reads values as they are at the time."""
    return lambda: [to_numpy(value) for value in values]


def epoch_iterator_class() -> type:
    return epoch_iterator("torch")


def opens_files() -> Sequence[OpensFile]:
    """``torch.save``; what ``torch.load`` reads is opened by Python."""
    return (OpensFile(torch, "save", "f", writes=True),)


def tee(iterable: Iterable[Any], sink: Callable[[Any], None]) -> Iterable[Any]:
    return Tee(iterable, sink)


def feed(
    batches: Callable[[], Iterable[Any]], like: Any, sizes: Callable[[], Collection[int]]
) -> Iterable[Any]:
    del like, sizes
    return _Tensors(batches)


class _Tensors:
    """One epoch as torch tensors, made anew at each ``iter``, as Keras's own loader does."""

    def __init__(self, batches: Callable[[], Iterable[Any]]) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[Any]:
        convert_to_tensor = to_tensor("torch")
        for batch in self._batches():
            yield map_leaves(lambda a: None if a is None else convert_to_tensor(np.array(a)), batch)


def initial_value(variable: Any, initializer: Any) -> np.ndarray | None:
    """The first value of a variable just made."""
    del initializer
    return np.array(to_numpy(held_value(variable)))


def random_state() -> np.ndarray | None:
    return torch.random.get_rng_state().numpy()


def set_random_state(state: np.ndarray) -> None:
    torch.random.set_rng_state(torch.from_numpy(np.array(state)))


def draws_between(before: np.ndarray, after: np.ndarray, limit: int = 8) -> int | None:
    """How many integers drawn from the global generator lead from one state to the other.

    A loader draws one or two per epoch for its own seeds. None if none up to ``limit`` do.
    """
    generator = torch.Generator()
    generator.set_state(torch.from_numpy(np.array(before)))
    for count in range(limit):
        if np.array_equal(generator.get_state().numpy(), after):
            return count
        torch.empty((), dtype=torch.int64).random_(generator=generator)
    return None


def draw(count: int) -> None:
    """Draw ``count`` integers from the global generator, as a loader would."""
    for _ in range(count):
        torch.empty((), dtype=torch.int64).random_()


def seeded_state(seed: int) -> np.ndarray | None:
    """The state of the global generator after ``torch.manual_seed(seed)``."""
    return np.array(torch.Generator().manual_seed(seed).get_state().numpy())


def permutations(seed: int, peeks: int) -> Callable[[int], np.ndarray]:
    """Those of torch's sampler after ``torch.manual_seed(seed)``, if only loaders draw from it.

    A pass draws two numbers from the global generator, one for the loader's workers and one
    that seeds the permutation.
    """
    generator = torch.Generator().manual_seed(seed)
    left = [peeks]

    def number() -> int:
        return int(torch.empty((), dtype=torch.int64).random_(generator=generator).item())

    def permute(count: int) -> np.ndarray:
        for _ in range(left[0] + 1):
            number()
            own = torch.Generator().manual_seed(number())
        left[0] = 0
        return torch.randperm(count, generator=own).numpy()

    return permute


def gradients(model: Any, x: Any, y: Any, weight: Any) -> list[np.ndarray]:
    """Gradient of the training loss by every trainable variable."""
    model.zero_grad()
    predicted = model(x, **training_argument(model))
    loss = model.compute_loss(x=x, y=y, y_pred=predicted, sample_weight=weight, training=True)
    model.optimizer.scale_loss(loss).backward()
    found = [
        np.zeros(tuple(v.shape), v.dtype)
        if v.value.grad is None
        else np.array(to_numpy(v.value.grad))
        for v in model.trainable_weights
    ]
    model.zero_grad()
    return found


def forget_gradients(model: Any) -> None:
    """A train step that never sets them to zero adds to what an earlier training left."""
    for variable in model.trainable_variables:
        variable.value.grad = None


def tensor_like(array: np.ndarray, model: Any) -> Any:
    return torch.from_numpy(np.array(array)).to(model.device)


def hardware() -> Mapping[str, Any]:
    return {
        "devices": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "threads.intra": torch.get_num_threads(),
        "threads.inter": torch.get_num_interop_threads(),
    }


def arithmetic() -> Mapping[str, Any]:
    return {
        "deterministic": bool(torch.are_deterministic_algorithms_enabled()),
        "matmul_precision": torch.get_float32_matmul_precision(),
    }


def without_gradients() -> contextlib.AbstractContextManager[None]:
    return torch.no_grad()
