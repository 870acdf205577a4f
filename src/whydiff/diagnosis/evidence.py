"""What an answer keeps for those who want to look: A and B side by side, every hybrid, the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from whydiff.core.recording import Side
from whydiff.diagnosis.divergence import equal_steps
from whydiff.diagnosis.gap import finite
from whydiff.diagnosis.sources.facts import is_defaults
from whydiff.diagnosis.sources.samples import common
from whydiff.diagnosis.trials import Trials

#: Epochs whose order is kept, and positions of each.
ORDER_EPOCHS = 2
ORDER_POSITIONS = 200
#: Facts of the recipe that are laid side by side.
FACTS = (
    "optimizer", "objective", "architecture", "mode", "duration", "precision", "measurement",
    "backend", "version", "hardware", "arithmetic",
)  # fmt: skip
#: Settings kept at most; those that differ come first.
MOST_SETTINGS = 300


def side_by_side(a: Side, b: Side) -> dict[str, Any]:
    """Epochs, order, seeds, settings and environment of two sides, as plain values."""
    return {
        "epochs": {"a": _epochs(a), "b": _epochs(b)},
        "order": _order(a, b),
        "seeds": {"a": seeds(a), "b": seeds(b)},
        "settings": _settings(a, b),
        "environment": _rows(a.execution.environment, b.execution.environment),
        "equal steps": equal_steps(a.fit, b.fit),
    }


def hybrids(trials: Trials | None, trajectory: Mapping[str, Any] | None) -> dict[str, Any]:
    """Every hybrid with its distance from A, and whether A and B could be reproduced."""
    if trials is None:
        return {}
    rows = [
        {
            "from B": sorted(coalition),
            "distance": finite(trials.value(coalition)),
            "seconds": round(trained.seconds, 3),
        }
        for coalition, trained in sorted(trials.hybrids.items(), key=lambda i: sorted(i[0]))
    ]
    return {
        "hybrids": rows,
        "trained again": trials.how,
        "reproduces a": trials.reproduces_a(),
        "reproduces b": trials.reproduces_b(),
        "logged against evaluated loss": trials.measured,
        "trace": trajectory,
    }


def seeds(side: Side) -> list[dict[str, Any]]:
    """The part of the seed ledger that belongs to the model of this fit."""
    return [
        {
            "layer": d.layer,
            "owner": d.owner,
            "seed": d.seed,
            "explicit": d.explicit,
            "line": d.stack[-1].line if d.stack else None,
        }
        for d in side.execution.ledger
        if d.fit == side.fit.index
    ]


def _epochs(side: Side) -> list[dict[str, Any]]:
    return [{"epoch": e.index, "steps": e.steps, "logs": dict(e.logs)} for e in side.fit.epochs]


def _order(a: Side, b: Side) -> dict[str, Any]:
    """The order fed, with samples numbered alike where both hold some of the same."""
    shared = common(a.recipe, b.recipe)
    numbers = {"a": shared.ids_a, "b": shared.ids_b}
    epochs = {"a": a.recipe.data_order.epochs, "b": b.recipe.data_order.epochs}
    told: dict[str, Any] = {
        "a epochs": len(epochs["a"]),
        "b epochs": len(epochs["b"]),
        "equal epochs": sum(
            np.array_equal(_numbered(x, numbers["a"]), _numbered(y, numbers["b"]))
            for x, y in zip(epochs["a"], epochs["b"], strict=False)
        ),
        "numbered alike": shared.shared > 0,
        "fed": [],
    }
    for side in ("a", "b"):
        for number, order in enumerate(epochs[side][:ORDER_EPOCHS]):
            order = _rows_of(order, numbers, side) if told["numbered alike"] else order
            step = max(1, -(-len(order) // ORDER_POSITIONS))
            told["fed"].append(
                {
                    "side": side,
                    "epoch": number,
                    "samples": len(order),
                    "every": step,
                    "order": [int(i) for i in order[::step]],
                }
            )
    return told


def _numbered(order: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    known = order[(order >= 0) & (order < len(numbers))]
    return numbers[known] if len(numbers) else order


def _rows_of(order: np.ndarray, numbers: Mapping[str, np.ndarray], side: str) -> np.ndarray:
    """Indices of A's rows, whichever side was fed: equal numbers mean equal samples.

    Samples that only B has come after those of A.
    """
    if side == "a":
        return order
    both = np.concatenate([numbers["a"], numbers["b"]])
    row = np.zeros(int(both.max(initial=0)) + 1, np.int64)
    row[both[::-1]] = np.arange(len(both))[::-1]
    only_b = row >= len(numbers["a"])
    row[only_b] = len(numbers["a"]) + np.argsort(np.argsort(row[only_b]))
    known = order[(order >= 0) & (order < len(numbers["b"]))]
    moved: np.ndarray = row[numbers["b"][known]]
    return moved


def _settings(a: Side, b: Side) -> list[dict[str, Any]]:
    rows = []
    for name in FACTS:
        pair = (getattr(a.recipe, name.replace("-", "_")), getattr(b.recipe, name))
        rows += [{"source": name, **row} for row in _rows(*pair)]
    return sorted(rows, key=lambda row: row["a"] == row["b"])[:MOST_SETTINGS]


def _rows(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = [name for name in dict.fromkeys([*a, *b]) if not is_defaults(name)]
    return [{"name": n, "a": a.get(n), "b": b.get(n)} for n in names]
