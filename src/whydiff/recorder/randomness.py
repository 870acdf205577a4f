"""Global generators that training steps draw from: the backend's, NumPy's and Python's.

A layer's own code may draw from NumPy's or Python's generator. Where the step is compiled that
happens while it is traced, and the numbers become constants of every step.

torch: ``keras.layers.Dropout`` without a seed draws from torch's global generator, not from its
own seed generator, so that generator is part of the noise.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.core.hybrids import Pins
from whydiff.core.recipe import Tensor
from whydiff.core.words import listed
from whydiff.keras_backend.base import Backend
from whydiff.keras_backend.host_generators import (
    NONE_HELD,
    NUMPY,
    PYTHON,
    Held,
    host_state,
    put_host_state,
)

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


class HostGenerators:
    """NumPy's and Python's generator and those ``held`` by the script's own code of a step, watched
    from when a step's batch is there until it is done.

    One that the first step does not draw from is not watched any further.
    """

    def __init__(self, held: Held = NONE_HELD) -> None:
        self.held = held
        self._watched = [NUMPY, PYTHON, *held]
        self._before: dict[str, np.ndarray] = {}
        self._after: dict[str, np.ndarray] = {}
        self._steps = 0
        self._drawing: dict[str, int] = {}  # steps that drew
        self.states: dict[str, dict[Moment, np.ndarray]] = {}

    def stop(self) -> None:
        """What draws cannot be told apart from now on: nothing is said of it."""
        self._watched, self.states, self._drawing = [], {}, {}

    def begin(self) -> None:
        """A step begins, or its batch has come: what was drawn for the batch is no noise."""
        if not self._watched:
            return
        states = {name: host_state(name, self.held) for name in self._watched}
        self._before = {name: state for name, state in states.items() if state is not None}
        self._watched = list(self._before)

    def after_step(self, epoch: int, step: int) -> list[np.ndarray]:
        """The states after a step, of those generators that steps draw from."""
        self._steps += 1
        if not self._watched:
            return []
        for name in list(self._watched):
            before, after = self._before[name], host_state(name, self.held)
            drew = after is not None and not np.array_equal(before, after)
            if drew:
                self._drawing[name] = self._drawing.get(name, 0) + 1
                last = self._after.get(name)
                if last is None or not np.array_equal(before, last):
                    self.states.setdefault(name, {})[epoch, step] = before
                self._after[name] = np.asarray(after)
            elif self._steps == 1:
                self._watched.remove(name)
        return [self._after[name] for name in self._watched]

    def tensors(self, compiled: bool) -> tuple[Tensor, ...]:
        """The states before the first draw; "frozen seed" is one that later steps do without."""
        made = []
        for name, states in self.states.items():
            state = next(iter(states.values()))
            every = self._drawing[name] == self._steps and (self._steps > 1 or not compiled)
            role = "seed" if every else "frozen seed"
            made.append(Tensor(name, role, state.shape, state.dtype.name, tensor_digest(state)))
        return tuple(made)


def operation_tensors(
    adapter: Backend, function: Any, eager: Sequence[tuple[str, int, int]] = ()
) -> tuple[Tensor, ...]:
    """Operations that draw by themselves, as one more seed; another in every trace if unseeded.

    ``eager`` are those that the first step was seen to execute.
    """
    operations = [*adapter.random_operations(function), *eager]
    if not operations:
        return ()
    seeds = np.array([seed for _, *pair in operations for seed in pair], np.int64)
    kinds = listed(sorted({kind for kind, _, _ in operations}))
    unseeded = any(not first and not second for _, first, second in operations)
    marked = np.append(seeds, np.frombuffer(os.urandom(8), np.int64) if unseeded else 0)
    plural = "s" * (" and " in kinds)
    name = f"TensorFlow's {'unseeded ' * unseeded}operation{plural} {kinds}"
    return (Tensor(name, "operation seed", seeds.shape, "int64", tensor_digest(marked)),)


def pin_generator(adapter: Backend, pins: Pins, moment: Moment, held: Held) -> None:
    """Bring global generators to where they were at this moment of the recorded training."""
    for name, states in pins.host_draws.items():
        if moment in states:
            put_host_state(name, states[moment], held)
    if moment in pins.random_draws:
        adapter.draw(pins.random_draws[moment])
    elif moment in pins.random_states:
        adapter.set_random_state(pins.random_states[moment])
