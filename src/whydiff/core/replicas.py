"""Replicas: trainings of one watched fit with some of its sources redrawn or set anew.

``study`` and ``compare`` plan replicas, ``replay`` trains them, ``analysis`` sees only arrays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from whydiff.core.dividing import BOOTSTRAP, KFOLD, SPLIT, divides

#: Sources that a seed can redraw.
RANDOM_SOURCES: tuple[str, ...] = (
    "initialization",
    "data-order",
    "noise",
    "data-content",
    "arithmetic",
)
#: Those among them that no plain run draws anew, with the ways to do it: redrawn only if asked for.
ASKED_FOR: Mapping[str, tuple[str, ...]] = {
    "data-content": (BOOTSTRAP, SPLIT, KFOLD),
    "arithmetic": ("one-ulp",),
}
#: Factors that are set by value, with the source that each belongs to.
FACTORS: Mapping[str, str] = {
    "optimizer": "optimizer",
    "learning-rate": "optimizer",
    "batch-size": "batch-size",
    "precision": "precision",
    "shuffle": "data-order",
}


@dataclass(frozen=True)
class Replica:
    """One training to run.

    ``seeds`` maps a random source to the seed it is redrawn with; a source that is not named
    keeps the values of the watched fit, so a replica without seeds and settings is that very
    fit. ``settings`` maps a factor to its value. ``ways`` says how sources
    are redrawn that no plain run draws anew. Equal seeds give equal values on any executor.
    """

    number: int  # unique within a study
    seeds: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    ways: Mapping[str, str] = field(default_factory=dict)

    @property
    def division(self) -> str:
        """How its rows are divided into training and validation data, "" if as in the fit."""
        way = self.ways.get("data-content", "") if "data-content" in self.seeds else ""
        return way if divides(way) else ""


@dataclass(frozen=True)
class Redrawable:
    """What seeds can redraw of a fit, and how fast.

    ``sources``; of the others ``refused`` says why not. ``fused`` is "" if many replicas can be
    trained as one program, else why not; ``capacity`` of them fit into memory, and ``width`` are
    best trained as one program. ``rows`` are trained on and ``held`` validated on: what can be
    divided anew, unless ``undivided`` says why not.
    """

    sources: tuple[str, ...]
    refused: Mapping[str, str]
    fused: str
    capacity: int
    width: int
    rows: int = 0
    held: int = 0
    undivided: str = ""


@dataclass(frozen=True)
class Packing:
    """How replicas that are asked for together stand in programs.

    They are ``packs`` equal parts, each a program of its own (or several, where it is too large for
    one), in which every replica keeps its place. Results are only for the numbers in ``wanted``;
    what trains in no program with one of these is left out.
    """

    packs: int
    wanted: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ReplicaInputs:
    """What one process drew for a replica, for another one to start from and be fed.

    ``weights`` by canonical path; ``order`` (sample indices) and ``batches`` (sizes) hold one
    array per epoch. Noise states are not among them: every backend has its own.
    """

    weights: Mapping[str, np.ndarray]
    order: tuple[np.ndarray, ...]
    batches: tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class Result:
    """What became of a replica.

    ``logs`` holds one mapping per finished epoch; ``predictions`` one array per output of the
    model, first axis the samples of the probe; ``weights`` the final weights by canonical path,
    None where they were not asked for. ``seconds`` is this replica's part of the time its
    executor took, ``machine`` what it was trained on (see :mod:`whydiff.core.machine`).
    ``failure`` says why there is no outcome, "" if there is one; a training whose
    loss became NaN has an outcome.
    """

    replica: Replica
    engine: str  # "fused" | "solo" | "process"
    logs: tuple[Mapping[str, float], ...] = ()
    predictions: tuple[np.ndarray, ...] | None = None
    weights: Mapping[str, np.ndarray] | None = None
    digest: str = ""  # of all final weights
    seconds: float = 0.0
    failure: str = ""
    machine: Mapping[str, Any] = field(default_factory=dict)

    @property
    def diverged(self) -> bool:
        """Whether anything logged at the end, or a prediction, is not a finite number."""
        logs = self.logs[-1] if self.logs else {}
        outputs = self.predictions or ()
        return not (
            all(math.isfinite(v) for v in logs.values())
            and all(bool(np.isfinite(p).all()) for p in outputs if p.dtype.kind == "f")
        )

    def final(self, metric: str) -> float:
        """The metric at the end; NaN where there is none, or the training diverged or failed: the
        accuracy of a model of NaNs is a number that says nothing."""
        if self.failure or not self.logs or self.diverged:
            return math.nan
        return float(self.logs[-1].get(metric, math.nan))
