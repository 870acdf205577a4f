"""Which lowering trains a model fastest: both are timed on the model itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from whydiff.replay.fused.lowering import NATIVE, SLICES, has_windows
from whydiff.replay.fused.memory import on_cpu
from whydiff.replay.fused.program import FusedProgram

#: Fewer replicas than this train faster than both ways compile.
WORTH_TIMING = 8


def worth_timing(model: Any, replicas: int) -> bool:
    """Whether a lowering makes a difference that pays for compiling both."""
    return replicas >= WORTH_TIMING and has_windows(model)


def best_program(
    model: Any,
    structure: Any,
    replicas: int,
    start: Callable[[FusedProgram, int], Any],
    data: Sequence[Any],
    batch: int,
) -> FusedProgram:
    """A program in the lowering that trains ``model`` fastest.

    ``start(program, n)`` gives first values of n replicas.
    """
    if not has_windows(model):
        return FusedProgram(model, structure, NATIVE)
    if not worth_timing(model, replicas):
        return FusedProgram(model, structure, SLICES if on_cpu() else NATIVE)
    timed = []
    for lowering in (SLICES, NATIVE):
        program = FusedProgram(model, structure, lowering)
        timed.append((_seconds(program, start, data, batch), lowering, program))
    return min(timed, key=lambda item: item[0])[2]


def _seconds(
    program: FusedProgram, start: Callable[[FusedProgram, int], Any], data: Any, batch: int
) -> float:
    """Seconds of two steps of two replicas, the better of two runs after compiling."""
    import jax

    ready: Callable[[Any], Any] = jax.block_until_ready
    samples = next(len(leaf) for leaf in data if leaf is not None)
    orders = [np.zeros((2, 2, batch), np.int32) + np.arange(batch, dtype=np.int32) % samples]
    best = float("inf")
    for run in range(3):
        state = ready(start(program, 2))
        begun = time.perf_counter()
        ready(program.epoch(state, data, orders))
        if run:
            best = min(best, time.perf_counter() - begun)
    return best
