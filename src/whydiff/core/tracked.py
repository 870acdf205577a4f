"""One training as an experiment tracker keeps it: plain values, no tracker's own types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from whydiff.core.recipe import Recipe
from whydiff.core.visible import without_steering

Scalar = str | int | float | bool
#: characters that are kept of a text; trackers take no more
MOST_TEXT = 500
#: fields of a recipe whose settings are parameters
_SETTINGS = (
    "optimizer", "objective", "mode", "duration", "precision", "backend", "version",
)  # fmt: skip


@dataclass(frozen=True)
class TrackedRun:
    """``metrics`` holds one mapping per epoch; ``files`` are artifacts by name.

    ``group`` is equal for runs that belong together, and no other two runs have the same ``group``
    and ``name``; ``parent`` is the id of the run that stands for
    all of them, "" where there is none. ``failure`` says why the training did not end well.
    """

    name: str
    group: str = ""
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[Mapping[str, float], ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    parent: str = ""
    failure: str = ""


def recipe_parameters(recipe: Recipe) -> dict[str, Scalar]:
    """The settings of a training by source: ``optimizer.learning_rate``, ``batch-size``."""
    facts = {name: getattr(recipe, name.replace("-", "_")) for name in _SETTINGS}
    facts["batch-size"] = recipe.batch_size.facts
    return {
        f"{source}.{name}": scalar(value)
        for source, settings in facts.items()
        for name, value in settings.items()
        if value is not None and not isinstance(value, Mapping)
    }


def scalar(value: Any) -> Scalar:
    """The value as a tracker takes it: numbers and truth values as they are, else short text."""
    if isinstance(value, bool | int | float):
        return value
    return without_steering(str(value))[:MOST_TEXT]
