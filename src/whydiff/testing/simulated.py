"""Simulated studies with known components, shared by the tests of the statistics."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable

import numpy as np

from whydiff.stats.effects import Block, block


def coverage(truth: float, estimates: Iterable[Container[float]]) -> float:
    """Share of the intervals that hold the truth."""
    return float(np.mean([truth in estimate for estimate in estimates]))


def few(share: float, level: float, n: int) -> bool:
    """Whether a share of n trials is consistent with a true one of at most ``level``."""
    return share <= level + 3.5 * math.sqrt(level * (1 - level) / n)


def many(share: float, level: float, n: int) -> bool:
    """Whether a share of n trials is consistent with a true one of at least ``level``."""
    return share >= level - 3.5 * math.sqrt(level * (1 - level) / n)


def additive(
    parts: dict[str, float], joint: float
) -> Callable[[dict[str, np.ndarray]], np.ndarray]:
    """A training whose outcome has a known variance from each source and from all jointly."""

    def outcome(values: dict[str, np.ndarray]) -> np.ndarray:
        own = sum(math.sqrt(parts[name]) * values[name] for name in parts)
        product = np.prod([values[name] for name in parts], axis=0)
        whole: np.ndarray = own + math.sqrt(joint) * product
        return whole

    return outcome


def study(
    rng: np.random.Generator,
    blocks: int,
    parts: dict[str, float],
    joint: float = 0.0,
    width: int = 1,
) -> list[Block]:
    """Blocks of a simulated study; ``width`` numbers (examples, weights) per training."""
    outcome, found = additive(parts, joint), []
    for _ in range(blocks):
        first = {name: rng.normal(size=width) for name in parts}
        second = {name: rng.normal(size=width) for name in parts}
        found.append(
            block(
                lambda x, y: float(np.mean((x - y) ** 2)),
                outcome(first),
                {name: outcome(first | {name: second[name]}) for name in parts},
                {name: outcome(second | {name: first[name]}) for name in parts},
                outcome(second),
            )
        )
    return found


def true_effects(parts: dict[str, float], joint: float, name: str) -> tuple[float, float]:
    """(total, main) of a source in that study."""
    whole = sum(parts.values()) + joint
    return (parts[name] + joint) / whole, parts[name] / whole


def predicted(
    rng: np.random.Generator, runs: int, taste: float = 0.0, examples: int = 150
) -> np.ndarray:
    """Labels of three classes, (runs, examples), on examples that are always the same.

    A run leans to one side on many examples at once. ``taste`` moves what a kind of run
    predicts: two kinds of equal taste differ as two seeds do.
    """
    fixed = np.random.default_rng(12345)
    easy = fixed.normal(size=(examples, 3)) * 1.5
    lean = fixed.normal(size=(4, examples, 3)) * 0.4
    change = fixed.normal(size=(examples, 3)) * taste
    scores = easy + change + np.tensordot(rng.normal(size=(runs, 4)), lean, 1)
    scores += rng.normal(size=(runs, examples, 3)) * 0.5
    return np.asarray(scores.argmax(axis=2))
