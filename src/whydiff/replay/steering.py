"""Callbacks of our own that go along with a replay."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import keras
import numpy as np

from whydiff.core.live import Live
from whydiff.core.progress import EachEpoch
from whydiff.keras_backend import adapter
from whydiff.keras_backend.callbacks import numbers
from whydiff.keras_backend.host_generators import NONE_HELD, Held, put_host_state
from whydiff.keras_backend.variables import Variables
from whydiff.replay.pinned import PinnedData


@dataclass(frozen=True)
class Hosts:
    """Generators of the process that a training draws from: by name the state before each step
    (epoch, step) that draws, and those that are the script's own."""

    draws: Mapping[str, Mapping[tuple[int, int], np.ndarray]]
    held: Held


NO_HOSTS = Hosts(MappingProxyType({}), NONE_HELD)


class Steer(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Keeps the pinned data, and the backend's own generator, in step with the epochs.

    Validation data count their own passes: there may be none in an epoch.
    """

    def __init__(
        self,
        data: PinnedData,
        noise: Live,
        first: int,
        validation: PinnedData | None = None,
        hosts: Hosts = NO_HOSTS,
        each_epoch: EachEpoch | None = None,
    ) -> None:
        super().__init__()
        self._each_epoch = each_epoch
        self._validation, self._passes = validation, 0
        self._data, self._noise, self._first = data, noise.material, first
        self._hosts = hosts
        self.logs: list[dict[str, float]] = []
        self._moment = (0, 0)

    @property
    def between_steps(self) -> bool:
        """Whether there is anything to do between two steps of an epoch."""
        return bool(self._hosts.draws or self._noise.random_draws or self._noise.random_states)

    def until_next(self, moments: Collection[tuple[int, int]]) -> int:
        """How many steps there are from the one that begins up to the next of ``moments``, or to
        the end of the epoch; 0 or less behind its end."""
        epoch, begun = self._moment
        ends = [step for at, step in moments if at == epoch and step >= begun - 1]
        return min([self._data.num_batches - 1, *ends]) - begun + 2

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._data.epoch = epoch - self._first
        self._moment = (epoch, 0)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        for name, states in self._hosts.draws.items():
            if self._moment in states:
                put_host_state(name, states[self._moment], self._hosts.held)
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
        if self._each_epoch is not None:
            self._each_epoch(len(self.logs), self.params["epochs"] - self._first)


class Ahead:
    """Makes the steps of a program several in one call, as long as nobody looks between them.

    ``steps`` are those of a training: of few it is not worth it.
    """

    def __init__(self, model: Any, steps: int) -> None:
        self._model = model
        self._several = adapter().several_steps(model, steps)
        #: Whether a training of A made like this was A, bit for bit; None: not known yet.
        self.proven: bool | None = None if self._several else False

    @contextlib.contextmanager
    def running(self, until_next: Callable[[], int]) -> Iterator[None]:
        """The model's train function, called for each step, makes those up to the next at which
        somebody looks, ``until_next()``, and nothing in the calls for these."""
        theirs, several = self._model.train_function, self._several
        assert several is not None
        left, made = 0, None

        def train_function(*fed: Any) -> Any:
            nonlocal left, made
            if not left:
                left = until_next()
                if left < 2:  # one, or none where the end of the data is yet to be seen
                    left = 0
                    return theirs(*fed)
                made = several(*fed, left)
            left -= 1
            return made

        self._model.train_function = train_function
        try:
            yield
        finally:
            self._model.train_function = theirs


class Restart(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Sets optimizer and seed generators back where one of successive fits did not go on from the
    one before."""

    def __init__(self, optimizer: Live, noise: Live, variables: Variables) -> None:
        super().__init__()
        self._restarts = [
            (at, {slot.path: slot.variable for slot in slots})
            for at, slots in (
                (optimizer.restarts, variables.state),
                (noise.seed_restarts, variables.noise),
            )
        ]

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        for at, known in self._restarts:
            for path, value in at.get(epoch, {}).items():
                if path in known:
                    known[path].assign(np.array(value))


#: (epoch, step) before the first step of a training.
START = (-1, -1)
#: Takes a moment, the logs then and the weights, None where they are not wanted.
Sink = Callable[[tuple[int, int], dict[str, float], dict[str, np.ndarray] | None], None]


class Trace(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Hands over logs and weights at some moments of a training, without changing a bit of it.

    ``moments`` maps (epoch, step) to whether the weights are wanted, too. Logs of a step are
    those of Keras's progress bar: means since the beginning of the epoch.
    """

    def __init__(
        self, moments: Mapping[tuple[int, int], bool], sink: Sink, variables: Variables
    ) -> None:
        super().__init__()
        self.moments, self._sink, self._variables = moments, sink, variables
        self._epoch = self._step = 0

    def on_train_begin(self, logs: Any = None) -> None:
        self._keep(START, None)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch, self._step = epoch, 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._keep((self._epoch, self._step), logs)
        self._step += 1

    def _keep(self, moment: tuple[int, int], logs: Any) -> None:
        wanted = self.moments.get(moment)
        if wanted is not None:
            weights = _weights(self.model, self._variables) if wanted else None
            self._sink(moment, numbers(logs), weights)


class StopAfter(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Ends the training after one step and keeps weights and logs as they are then."""

    def __init__(self, until: tuple[int, int], variables: Variables) -> None:
        super().__init__()
        self.moments, self._variables = (until,), variables
        self._epoch = self._step = 0
        self.weights: dict[str, np.ndarray] = {}
        self.logs: dict[str, float] = {}

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch, self._step = epoch, 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if (self._epoch, self._step) in self.moments:
            self.weights = _weights(self.model, self._variables)
            self.logs = numbers(logs)
            self.model.stop_training = True
        self._step += 1


def _weights(model: Any, variables: Variables) -> dict[str, np.ndarray]:
    if hasattr(model, "jax_state_sync"):  # there the variables lag behind the training
        model.jax_state_sync()
    to_numpy = adapter().to_numpy
    return {s.path: np.array(to_numpy(s.variable)) for s in variables.weights}
