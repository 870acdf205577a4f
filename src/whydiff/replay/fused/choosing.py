"""Which lowering trains a model faster: both are timed on the model itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from whydiff.replay.fused.kept import keep_choice, kept_choice
from whydiff.replay.fused.lowering import NATIVE, SLICES, has_windows
from whydiff.replay.fused.memory import on_cpu
from whydiff.replay.fused.program import FusedProgram

#: How much faster than the usual lowering the other one must be: two equal machines should choose
#: alike, since each rounds in its own way.
CLEARLY = 1.25
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
    question: str,
) -> FusedProgram:
    """A program in the usual lowering, or in one that trains ``model`` clearly faster.

    ``start(program, n)`` gives first values of n replicas. ``question`` says everything that
    decides which is faster: asked before on such a machine, it is not asked again.
    """
    if not has_windows(model):
        return FusedProgram(model, structure, NATIVE)
    usual, other = (SLICES, NATIVE) if on_cpu() else (NATIVE, SLICES)
    if not worth_timing(model, replicas):
        return FusedProgram(model, structure, usual)
    known = kept_choice(question)
    if known in (usual, other):
        return FusedProgram(model, structure, known)
    programs = [FusedProgram(model, structure, lowering) for lowering in (usual, other)]
    first, second = (_seconds(program, start, data, batch) for program in programs)
    faster = programs[first > CLEARLY * second]
    keep_choice(question, faster.lowering)
    return faster


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
