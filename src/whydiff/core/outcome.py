"""What one run of a script ended in, small enough to keep for every point of a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from whydiff.core.metrics import default_metric


@dataclass(frozen=True)
class Outcome:
    """Digests are equal for equal bits, whatever the variables are called; "" where there is none.

    ``initial`` and ``final`` are of the weights before and after every fit, ``first`` of the loss
    of the first step of every fit, ``measured`` one per call that measures. ``logs`` holds what
    the last epoch of every fit logged, ``values`` what the last call that measures gave.
    """

    initial: str = ""
    first: str = ""
    final: str = ""
    measured: tuple[str, ...] = ()
    logs: tuple[Mapping[str, float], ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)

    def metrics(self) -> Mapping[str, float]:
        """The numbers that a person looks at: of the last fit, else of the last call."""
        return (self.logs[-1] if self.logs else {}) or self.values

    def metric(self, wanted: str | None = None) -> tuple[str, float] | None:
        """Name and value of the metric to tell this result in; None where nothing was measured."""
        metrics = self.metrics()
        if not metrics:
            return None
        name = default_metric(list(metrics), wanted if wanted in metrics else None)
        return name, metrics[name]
