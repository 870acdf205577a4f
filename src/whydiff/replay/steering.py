"""Callbacks of our own that go along with a replay."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from whydiff.adapters import adapter
from whydiff.adapters.logs import numbers
from whydiff.adapters.variables import Variables
from whydiff.core.live import Live
from whydiff.replay.pinned import PinnedData


class Steer(keras.callbacks.Callback):
    """Keeps the pinned data, and the backend's own generator, in step with the epochs.

    Validation data count their own passes: there may be none in an epoch.
    """

    def __init__(
        self, data: PinnedData, noise: Live, first: int, validation: PinnedData | None = None
    ) -> None:
        super().__init__()
        self._validation, self._passes = validation, 0
        self._data, self._noise, self._first = data, noise.material, first
        self.logs: list[dict[str, float]] = []
        self._moment = (0, 0)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._data.epoch = epoch - self._first
        self._moment = (epoch, 0)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self._moment in self._noise.random_draws:
            adapter().draw(self._noise.random_draws[self._moment])
        elif self._moment in self._noise.random_states:
            adapter().set_random_state(self._noise.random_states[self._moment])
        self._moment = (self._moment[0], self._moment[1] + 1)

    def on_test_begin(self, logs: Any = None) -> None:
        if self._validation is not None:
            self._validation.epoch = self._passes
            self._passes += 1

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.logs.append(numbers(logs))


class StopAfter(keras.callbacks.Callback):
    """Ends the training after one step and keeps weights and logs as they are then."""

    def __init__(self, until: tuple[int, int], variables: Variables) -> None:
        super().__init__()
        self._until, self._variables = until, variables
        self._epoch = self._step = 0
        self.weights: dict[str, np.ndarray] = {}
        self.logs: dict[str, float] = {}

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch, self._step = epoch, 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if (self._epoch, self._step) == self._until:
            if hasattr(self.model, "jax_state_sync"):
                self.model.jax_state_sync()
            to_numpy = adapter().to_numpy
            self.weights = {s.path: np.array(to_numpy(s.variable)) for s in self._variables.weights}
            self.logs = numbers(logs)
            self.model.stop_training = True
        self._step += 1
