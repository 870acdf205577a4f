"""What an experiment tracker's two runs differ in, and what whydiff can say of why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from whydiff.core.findings import Explanation
from whydiff.core.notebook import Shown

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
        return {
            "schema": 1,
            **{k: v for k, v in asdict(self).items() if k != "explanation"},
            "explanation": self.explanation and self.explanation.to_dict(),
        }
