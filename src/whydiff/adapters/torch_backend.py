"""torch: eager steps, variables updated in place, one global generator."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from whydiff.adapters.tee import Tee


def to_numpy(value: Any) -> np.ndarray:
    import torch

    value = getattr(value, "value", value)
    if not isinstance(value, torch.Tensor):
        return np.asarray(value)
    value = value.detach().cpu()
    if value.dtype == torch.bfloat16:  # NumPy has no bfloat16; ml_dtypes comes with Keras
        import ml_dtypes

        return value.contiguous().view(torch.uint16).numpy().view(ml_dtypes.bfloat16)
    return value.numpy()


def epoch_iterator_class() -> type:
    from keras.src.backend.torch.trainer import TorchEpochIterator

    return TorchEpochIterator


def tee(iterable: Iterable[Any], sink: Callable[[Any], None]) -> Iterable[Any]:
    return Tee(iterable, sink)


def wrap_train_function(
    function: Callable[..., Any], watcher: Callable[[], Any]
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


def values_of(model: Any, state: Any) -> dict[int, Any]:
    """Nothing travels: variables hold their own values."""
    del model, state
    return {}


def feed(batches: Callable[[], Iterable[Any]], like: Any) -> Iterable[Any]:
    del like
    return _Tensors(batches)


class _Tensors:
    """One epoch as torch tensors, made anew at each ``iter``, as Keras's own loader does."""

    def __init__(self, batches: Callable[[], Iterable[Any]]) -> None:
        self._batches = batches

    def __iter__(self) -> Any:
        import keras
        from keras.src.backend.torch.core import convert_to_tensor

        for batch in self._batches():
            yield keras.tree.map_structure(
                lambda a: None if a is None else convert_to_tensor(np.array(a)),
                batch,
                none_is_leaf=False,
            )


def signature(iterable: Any) -> Any:
    del iterable
    return None


def eagerly() -> contextlib.AbstractContextManager[Any]:
    return contextlib.nullcontext()


def random_state() -> np.ndarray | None:
    import torch

    return torch.random.get_rng_state().numpy()


def set_random_state(state: np.ndarray) -> None:
    import torch

    torch.random.set_rng_state(torch.from_numpy(np.array(state)))
