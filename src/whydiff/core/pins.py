"""What a training that runs again is made to start from and be fed, in place of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from whydiff.core.live import Leaves


class Enough(BaseException):
    """Ends a script that runs again once the training in question is over.

    Not an ``Exception``, so that no ``except Exception`` of the script's stops it.
    """


@dataclass(frozen=True, eq=False)
class Pins:
    """``values`` maps group (weights, noise, state) and canonical path to a first value.

    ``batch(step)`` gives the leaves to feed at a step (counting from 0), None to leave the
    script's own. ``steps`` is how many are trained, None for as many as the script trains.
    """

    values: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    batch: Callable[[int], Leaves | None] = lambda step: None
    steps: int | None = None
    random_states: Mapping[tuple[int, int], np.ndarray] = field(default_factory=dict)
    random_draws: Mapping[tuple[int, int], int] = field(default_factory=dict)
    #: NumPy's and Python's global generator before a step (epoch, step) that draws from it
    host_draws: Mapping[str, Mapping[tuple[int, int], np.ndarray]] = field(default_factory=dict)
