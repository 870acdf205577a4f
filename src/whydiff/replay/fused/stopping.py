"""Callbacks of one replica, run on the host between the epochs of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from whydiff.core.feeding import TransferError
from whydiff.core.live import Live
from whydiff.keras_backend.callbacks import fresh_callback, sort_callbacks
from whydiff.keras_backend.internals import let_see

_BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
)


def _refuse(name: str, owner: str) -> None:
    if name in ("optimizers", "jax_state_sync") or name.startswith("__"):
        raise AttributeError(name)  # Keras asks whether these are there
    raise TransferError(f"a callback uses the {owner}'s {name}")


class _Rate:
    """What callbacks see as the optimizer: its learning rate, nothing else."""

    def __init__(self, rate: float) -> None:
        object.__setattr__(self, "learning_rate", np.float32(rate))

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ("learning_rate", "lr"):
            raise TransferError(f"a callback sets the optimizer's {name}")
        rate = np.float32(np.asarray(keras.ops.convert_to_numpy(value)))
        object.__setattr__(self, "learning_rate", rate)

    def __getattr__(self, name: str) -> Any:
        _refuse(name, "optimizer")


class _Seen:
    """What callbacks see as the model; anything that is not one replica's own is refused."""

    def __init__(self, model: Any, rate: float, weights: Callable[[], list[np.ndarray]]) -> None:
        self.optimizer = _Rate(rate)
        self.stop_training = False
        self.metrics, self.metrics_names = model.metrics, model.metrics_names
        self.name, self.loss = model.name, getattr(model, "loss", None)
        self._weights = weights
        self.replaced: list[np.ndarray] | None = None

    def get_weights(self) -> list[np.ndarray]:
        return self._weights() if self.replaced is None else self.replaced

    def set_weights(self, values: Sequence[np.ndarray]) -> None:
        self.replaced = [np.array(v) for v in values]

    def __getattr__(self, name: str) -> Any:
        _refuse(name, "model")


class Callbacks:
    """The callbacks that change training, once for one replica."""

    def __init__(
        self, live: Live, model: Any, rate: float, weights: Callable[[], list[np.ndarray]]
    ) -> None:
        stopping, steering = sort_callbacks(live.callbacks, live.acting, live.ending)
        self._callbacks = [fresh_callback(c) for c in steering + stopping]
        self.seen = _Seen(model, rate, weights)
        for callback in self._callbacks:
            let_see(callback, self.seen)
            callback.params = {"epochs": int(live.fit_arguments["epochs"]), "verbose": 0}

    def train_begin(self) -> None:
        self._each("on_train_begin")

    def epoch_begin(self, epoch: int) -> None:
        self._each("on_epoch_begin", epoch)

    def epoch_end(self, epoch: int, logs: dict[str, float]) -> bool:
        """Whether this replica stops here. ``logs`` takes what callbacks add."""
        self._each("on_epoch_end", epoch, logs)
        return bool(self.seen.stop_training)

    def train_end(self, logs: dict[str, float]) -> None:
        self._each("on_train_end", logs)

    def _each(self, hook: str, *arguments: Any) -> None:
        for callback in self._callbacks:
            getattr(callback, hook)(*arguments)


def check_callbacks(live: Live) -> bool:
    """Whether there are callbacks to run; raises TransferError for those that need a step."""
    stopping, steering = sort_callbacks(live.callbacks, live.acting, live.ending)
    for callback in stopping + steering:
        name = type(callback).__name__
        if name == "TerminateOnNaN":
            continue  # replicas whose loss is no number are trained again by solo
        if name == "SwapEMAWeights":
            raise TransferError(f"the callback {name} exchanges weights")
        base = keras.callbacks.Callback
        if any(getattr(type(callback), h, None) is not getattr(base, h) for h in _BATCH_HOOKS) or (
            name == "LambdaCallback" and any(h in vars(callback) for h in _BATCH_HOOKS)
        ):
            raise TransferError(f"the callback {name} acts within epochs")
    return any(type(c).__name__ != "TerminateOnNaN" for c in stopping + steering)


def ends_on_nan(live: Live) -> bool:
    return any(type(c).__name__ == "TerminateOnNaN" for c in live.callbacks)
