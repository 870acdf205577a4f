"""A training that was saved, loaded and resumed, against the same training that went on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Resume:
    """How a run takes part: it saves a fit after ``epoch`` epochs, or loads and resumes it.

    ``fit`` counts from 1; ``model`` is the saved model's file, ``state`` takes the :class:`State`
    in which the next epoch begins.
    """

    epoch: int
    fit: int
    model: str
    state: str
    load: bool


@dataclass(frozen=True, eq=False)
class State:
    """What the next epoch starts from. ``failure`` says why there is none.

    ``variables`` maps what a variable is for ("weights", "weights that are not trained",
    "seed states", "optimizer slots", "step count", "learning rate") to its values by name;
    ``callbacks`` maps a callback's class to its plain attributes.
    """

    variables: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    callbacks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    failure: str = ""


@dataclass(frozen=True)
class NotRestored:
    """``what`` was not restored, ``measured`` how that was seen, and what helps."""

    what: str
    measured: str
    remedy: str


@dataclass(frozen=True)
class Resumption:
    """Whether saving, loading and going on ended in the very bits of going on.

    ``first`` names the first step that differs, "" if none does. ``metrics`` are those of the last
    epoch: going on, resumed.
    """

    script: str
    fit: int
    epoch: int
    equal: bool
    not_restored: tuple[NotRestored, ...]
    restored: tuple[str, ...]
    first: str
    metrics: Mapping[str, tuple[float | None, float | None]]
