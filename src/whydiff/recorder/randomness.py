"""The backend's global generator, where training steps draw from it.

torch: ``keras.layers.Dropout`` without a seed draws from torch's global generator, not from its
own seed generator, so that generator is part of the noise.
"""

from __future__ import annotations

import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.core.pins import Pins
from whydiff.core.recipe import Tensor
from whydiff.keras_backend.base import Backend

Moment = tuple[int, int]  # (epoch, step within it)


class GlobalGenerator:
    """Finds out at the first step whether steps draw globally, and if so keeps the states."""

    def __init__(self, adapter: Backend) -> None:
        self._adapter = adapter
        self._drawn: bool | None = None
        self._before: np.ndarray | None = None
        self._after: np.ndarray | None = None
        self.states: dict[Moment, np.ndarray] = {}
        self.draws: dict[Moment, int] = {}

    def before_step(self, epoch: int, step: int) -> None:
        """Note what happened to the generator since the step before, if anything did.

        A loader draws seeds of its own between epochs, or a permutation between batches. A few
        plain draws are kept as their number, anything else as the state it led to.
        """
        if self._drawn is False:
            return
        state = self._adapter.random_state()
        if state is None:
            self._drawn = False
            return
        self._before = np.array(state)
        if self._after is None:
            self.states[epoch, step] = self._before
        elif not np.array_equal(self._after, self._before):
            draws = self._adapter.draws_between(self._after, self._before)
            if draws is None:
                self.states[epoch, step] = self._before
            else:
                self.draws[epoch, step] = draws

    def after_step(self) -> list[np.ndarray]:
        """The state after a step that draws globally, for the digest of the noise."""
        if self._drawn is False:
            return []
        self._after = np.array(self._adapter.random_state())
        if self._drawn is None:
            assert self._before is not None
            self._drawn = not np.array_equal(self._before, self._after)
            if not self._drawn:
                self.states.clear()
                return []
        return [self._after]

    def tensors(self) -> tuple[Tensor, ...]:
        """The state before the first step as part of the noise; () where steps draw nothing."""
        if not self._drawn:
            return ()
        state = next(iter(self.states.values()))
        name = "torch's global generator"
        return (Tensor(name, "seed", state.shape, state.dtype.name, tensor_digest(state)),)


def pin_generator(adapter: Backend, pins: Pins, moment: Moment) -> None:
    """Bring the backend's generator to where it was at this moment of the recorded training."""
    if moment in pins.random_draws:
        adapter.draw(pins.random_draws[moment])
    elif moment in pins.random_states:
        adapter.set_random_state(pins.random_states[moment])
