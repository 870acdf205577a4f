"""The backend's global generator, where training steps draw from it.

torch: ``keras.layers.Dropout`` without a seed draws from torch's global generator, not from its
own seed generator, so that generator is part of the noise.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.core.recipe import Tensor


class GlobalGenerator:
    """Finds out at the first step whether steps draw globally, and if so keeps the states."""

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter
        self._drawn: bool | None = None
        self._before: np.ndarray | None = None
        self._after: np.ndarray | None = None
        self._first: int | None = None
        self.states: dict[int, np.ndarray] = {}
        self.draws: dict[int, int] = {}

    def before_step(self, epoch: int, step: int) -> None:
        if self._drawn is False or step:
            return
        state = self._adapter.random_state()
        if state is None:
            self._drawn = False
            return
        self._before = np.array(state)
        self.states[epoch] = self._before
        if self._after is not None:
            draws = self._adapter.draws_between(self._after, self._before)
            if draws is not None:
                self.draws[epoch] = draws
        if self._first is None:
            self._first = epoch

    def after_step(self) -> list[np.ndarray]:
        """The state after a step that draws globally, for the digest of the noise."""
        if self._drawn is False:
            return []
        self._after = np.array(self._adapter.random_state())
        if self._drawn is None:
            self._drawn = not np.array_equal(self._before, self._after)
            if not self._drawn:
                self.states.clear()
                return []
        return [self._after]

    def tensors(self) -> tuple[Tensor, ...]:
        """The state before the first step as part of the noise; () where steps draw nothing."""
        if not self._drawn or self._first is None:
            return ()
        state = self.states[self._first]
        name = "torch's global generator"
        return (Tensor(name, "seed", state.shape, state.dtype.name, tensor_digest(state)),)
