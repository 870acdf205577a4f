"""One step of a training as values: what goes into it, and everything it computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class StepInputs:
    """Everything that goes into one step.

    ``values`` are variables by group ("weights", "noise", "state") and canonical path, ``leaves``
    the flattened batch (None where it holds None), ``generator`` the state of the backend's.
    """

    values: Mapping[str, Mapping[str, np.ndarray]]
    leaves: Sequence[np.ndarray | None]
    generator: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class StepRecord:
    """What one step did: (phase, name, value) in the order in which it did it.

    ``trail`` holds the weights by path after the step and after those behind it.
    """

    inputs: StepInputs
    seen: Sequence[tuple[str, str, np.ndarray]]
    trail: Sequence[Mapping[str, np.ndarray]]
    notes: Sequence[str] = ()
