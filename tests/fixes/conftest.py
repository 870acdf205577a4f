"""Sides made by hand: stacks point at marked lines of a script's text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from whydiff.core.recipe import Batching, Content, Order, Recipe
from whydiff.core.recording import Draw, Execution, Fit, Frame, Side

PATH = "/home/me/train.py"


def line_of(text: str, mark: str, nth: int = 1) -> int:
    """Number of the ``nth`` line that contains ``mark``."""
    lines = [i for i, line in enumerate(text.split("\n"), 1) if mark in line]
    return lines[nth - 1]


def frames_at(text: str, *calls: tuple[str, str]) -> tuple[Frame, ...]:
    """Frames of (mark, function) pairs, outermost first; ``mark#2`` is the second such line."""
    frames = []
    for mark, function in calls:
        mark, _, nth = mark.partition("#")
        frames.append(Frame(PATH, line_of(text, mark, int(nth or 1)), function))
    return tuple(frames)


def recipe(epochs: Sequence[Any], backend: str, relative: bool) -> Recipe:
    order = Order(tuple(np.array(e, np.int64) for e in epochs), relative)
    content = Content(np.zeros((4, 2), np.uint64))
    facts: dict[str, Any] = {}
    return Recipe(
        (), order, (), content, Batching(), facts, facts, facts, facts, (), facts, facts, facts,
        {"backend": backend}, facts, facts, facts,
    )  # fmt: skip


@pytest.fixture
def stack() -> Callable[..., tuple[Frame, ...]]:
    """Frames of marked lines: ``stack(text, ("model.fit", "<module>"))``."""
    return frames_at


@pytest.fixture
def sides() -> Callable[..., tuple[Side, Side]]:
    """Two fits of one run: what each drew and where it was called."""

    def make(
        draws: Sequence[Sequence[tuple[Frame, ...]]] = ((), ()),
        fits: Sequence[tuple[Frame, ...]] = ((), ()),
        explicit: bool = False,
        orders: Sequence[Any] = ([[1, 0, 2]], [[2, 0, 1]]),
        backend: str = "jax",
        kind: str = "initializer",
        relative: bool = False,
    ) -> tuple[Side, Side]:
        ledger, number = [], 0
        for fit, stacks in enumerate(draws, 1):
            for layer, frames in enumerate(stacks):
                number += 1
                ledger.append(
                    Draw(number, kind, "GlorotUniform", 100 + number, explicit, frames,
                         f"dense_{layer}/kernel_initializer", fit)
                )  # fmt: skip
        made = [
            Fit(i, "Sequential", frames, recipe(order, backend, relative),
                np.empty((0, 5), np.uint64), np.empty(0, np.int64), (), (), True, 1.0)
            for i, (frames, order) in enumerate(zip(fits, orders, strict=True), 1)
        ]  # fmt: skip
        execution = Execution(PATH, (), "2025-01-01T00:00:00Z", 0, {}, tuple(made), tuple(ledger))
        return Side(execution, made[0]), Side(execution, made[1])

    return make
