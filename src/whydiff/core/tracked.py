"""Runs as an experiment tracker keeps them, in plain values, and in what two of them differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from whydiff.core.findings import Explanation, with_explanation
from whydiff.core.notebook import Shown
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


REVISION, SCRIPT, ARGUMENTS, VERSION, PARAMETER, TAG, METRIC = KINDS = (
    "revision", "script", "arguments", "version", "parameter", "tag", "metric",
)  # fmt: skip


@dataclass(frozen=True)
class RunDifference:
    """One thing that a tracker keeps of both runs, as text; None where a run has none."""

    kind: str  # see KINDS
    name: str
    a: str | None
    b: str | None


@dataclass(frozen=True)
class RunDifferences(Shown):
    """Two runs of a tracker. ``equal`` counts what they agree in.

    ``explanation`` compares the recordings that are attached to both, None where there are none;
    ``command`` runs both again and proves it, "" where the tracker does not say how they were run.
    """

    question: str
    a: str
    b: str
    differences: tuple[RunDifference, ...]
    equal: int = 0
    notes: tuple[str, ...] = ()
    command: str = ""
    explanation: Explanation | None = None

    def rows(self) -> list[dict[str, Any]]:
        """One row per difference."""
        return [asdict(difference) for difference in self.differences]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: additions are allowed, names are fixed."""
        return with_explanation(self, self.explanation)
