"""What a lock keeps of a training: enough to see that it is the same, little enough to commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from whydiff.core.recipe import Facts, Tensor
from whydiff.core.recording import Draw

#: The levels of agreement, strictest first; each implies those behind it.
LEVELS: tuple[str, ...] = ("bitwise", "rounding", "statistical")


@dataclass(frozen=True)
class Sketch:
    """A vector in few numbers, from which its distance to another one can be estimated.

    ``size`` counts the entries of the vector, ``unfit`` those that are NaN or infinite (they
    count as 0); ``numbers`` has a fixed length, see :mod:`whydiff.stats.sketch`.
    """

    size: int
    norm: float
    numbers: tuple[float, ...]
    unfit: int = 0


@dataclass(frozen=True)
class Fed:
    """Digests of what was fed: the samples, their order, how they were cut into batches."""

    samples: int
    unit: str
    signature: tuple[str, ...]
    content: str  # whatever the order of the samples
    canonical: str  # in the order of the given arrays
    weights: str
    validation: str
    relative: bool
    order: tuple[str, ...]  # per epoch
    batches: tuple[str, ...]  # per epoch, in words: "28 x 64, 5"
    asked: Facts  # batch_size, steps_per_epoch as the script gave them


@dataclass(frozen=True)
class LockedEpoch:
    """One epoch: ``groups`` holds one digest per step group over all steps of the epoch."""

    index: int
    steps: int
    logs: Mapping[str, float]
    groups: tuple[str, ...]
    end: str  # digest of all tensors at its end


@dataclass(frozen=True)
class LockedFit:
    """One fit. ``facts`` maps the name of a recipe field to its facts, ``tensors`` to tensors."""

    index: int
    model: str
    line: int | None  # of the call of fit in the script
    facts: Mapping[str, Facts]
    tensors: Mapping[str, tuple[Tensor, ...]]  # initialization, noise, state, final
    fed: Fed
    epochs: tuple[LockedEpoch, ...]
    steps: tuple[tuple[int, ...], ...]  # digests of the first steps, a number per step group
    step_epochs: tuple[int, ...]
    weights: Sketch | None  # of the final weights
    predictions: Sketch | None  # on the probe
    classes: tuple[int, ...] = ()  # predicted for the first samples of the probe
    probe: int = 0  # samples in the probe


#: What a lock keeps a digest of, by the source it belongs to; the last two are what came of it.
PARTS: tuple[str, ...] = (
    "initialization",
    "noise",
    "state",
    "data-content",
    "data-order",
    "batch-size",
    "steps",
    "final",
)


@dataclass(frozen=True)
class FitDigests:
    """One fit in a few lines: its settings, what it logged at its end, a digest per part.

    ``facts`` maps the name of a recipe field to its facts; ``parts`` has an entry for each of
    PARTS.
    """

    index: int
    model: str
    line: int | None
    facts: Mapping[str, Facts]
    logs: Mapping[str, float]
    parts: Mapping[str, str]


@dataclass(frozen=True)
class LockedOutput:
    """One output of a call that measures: a digest of its values, and a sketch while these were
    recorded."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    digest: str
    sketch: Sketch | None = None


@dataclass(frozen=True)
class LockedCall:
    """A use of a model that measures: predict, evaluate, the model called or only built, a score.

    ``inputs`` and ``weights`` are digests of all rows that were fed, in order, and of all weights;
    ``surroundings`` are backend and versions.
    """

    number: int  # among all calls of the script
    kind: str
    model: str
    line: int | None
    inputs: str
    weights: str
    values: Mapping[str, float] = field(default_factory=dict)
    outputs: tuple[LockedOutput, ...] = ()
    surroundings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Replicas:
    """What reseeded trainings ended with: logged values per metric, one per replica."""

    seeds: tuple[int, ...]
    metrics: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Lock:
    """The training of a script as the reference. Holds no time and no path of the machine.

    Where the details of a lock are not there, ``without`` says why, and ``fits`` and ``ledger``
    are empty: what is left are ``digests``.
    """

    script: str
    arguments: tuple[str, ...]
    environment: Mapping[str, Any]
    algorithm: str  # of the digests
    ledger: tuple[Draw, ...]
    fits: tuple[LockedFit, ...]
    replicas: Mapping[int, Replicas] = field(default_factory=dict)  # by fit
    digests: tuple[FitDigests, ...] = ()
    without: str = ""
    calls: tuple[LockedCall, ...] = ()  # in their order; of many from one line the first few

    @property
    def count(self) -> int:
        """How many fits are locked."""
        return len(self.fits or self.digests)
