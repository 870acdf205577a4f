"""What a study found: plain numbers, each with its n and interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from whydiff.core.estimate import Estimate
from whydiff.core.notebook import Shown

#: what the worth of a source is measured by, the steadiest first
PREDICTIONS, METRIC, WEIGHTS = "predictions", "metric", "weights"


@dataclass(frozen=True)
class Gate:
    """A condition for believing the numbers. ``passed`` is None where it could not be checked."""

    name: str
    passed: bool | None
    evidence: str


@dataclass(frozen=True)
class Histogram:
    """Counts of the metric between consecutive ``edges``; both empty where nothing is finite."""

    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How much the results of independent draws vary.

    ``churn`` is the share of probe examples whose predicted class differs between two draws,
    None for predictions that are no classes; ``distance`` the root mean square difference of
    the predictions of two draws; ``weights`` the distance of the weights of two draws, relative
    to their norm.
    """

    metric: str
    mean: Estimate
    sd: Estimate
    low: float
    high: float
    histogram: Histogram
    churn: Estimate | None
    distance: Estimate
    weights: Estimate


@dataclass(frozen=True)
class Worth:
    """What one random source is worth: ``total`` when it alone is redrawn, ``main`` when it
    alone is held, both relative to redrawing everything. ``dead``: it changed no bit."""

    source: str
    total: Estimate
    main: Estimate
    dead: bool = False


@dataclass(frozen=True)
class TestNoise:
    """The variance of the error rate on the probe taken apart (Jordan 2023).

    ``share`` is the test set's part of the observed variance; ``training`` the signed variance
    that an endless test set would leave.
    """

    examples: int
    error: Estimate
    observed: float
    test_set: float
    training: Estimate
    calibrated: float | None  # what a calibrated binary task would give, else None

    @property
    def share(self) -> float | None:
        """Part of the observed variance; None where nothing varied."""
        return self.test_set / self.observed if self.observed > 0 else None


@dataclass(frozen=True)
class Flips:
    """The examples of the probe whose predicted class depends on the draw.

    ``ever`` is the number that change class at least once, ``most`` pairs of position and chance
    that two runs disagree, the largest first.
    """

    examples: int
    ever: int
    most: tuple[tuple[int, float], ...]
    where: str  # "validation data" | "training data"
    #: those that are images: position and a PNG file in base64
    pictures: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Own:
    """Where the script's own training lies among the draws. ``ordinary`` is None where the
    draws are too few to call any training unusual."""

    value: float
    percentile: Estimate
    p: float
    ordinary: bool | None


@dataclass(frozen=True)
class Agreement:
    """The engine against ``solo`` on replicas that both trained.

    ``rounding`` says that they agree run by run, to ``furthest`` of the distance between two
    draws at most; otherwise ``shift`` (mean difference of the metric) and ``p`` (of a
    Kolmogorov-Smirnov test) tell whether they give the same distribution.
    """

    engine: str
    n: int
    rounding: bool
    furthest: float
    shift: Estimate
    p: float

    @property
    def agrees(self) -> bool:
        """Whether the engine may stand for plain training."""
        return self.rounding or (self.p > 0.01 and 0.0 in self.shift)


@dataclass(frozen=True)
class Level:
    """One value of a fixed factor against the first one, over the same seeds.

    ``shift`` of the metric and its sign-flip ``p``; ``ratio`` of standard deviations; ``excess``
    churn beyond that of a reseed. None where that could not be computed.
    """

    factor: str
    value: str
    against: str
    shift: Estimate
    p: float
    ratio: Estimate
    excess: Estimate | None
    excess_p: float | None


@dataclass(frozen=True)
class Open:
    """Something the study cannot say yet. ``blocks`` more would settle it, None if unknown."""

    question: str
    blocks: int | None


@dataclass(frozen=True)
class Study(Shown):
    """The answer of ``study``; :meth:`to_dict` is schema 1."""

    script: str
    chosen: str  # one line: what was studied, and how to choose otherwise
    engine: str
    backend: str
    plan: Mapping[str, Any]
    planned: int
    trained: int
    failed: Estimate
    diverged: Estimate
    failures: Mapping[str, int]  # reason -> how many
    gates: tuple[Gate, ...]
    outcome: Outcome
    worth: Mapping[str, tuple[Worth, ...]]  # by "predictions", "metric", "weights"
    noise: TestNoise | None
    flips: Flips | None
    own: Own | None
    agreement: Agreement | None
    levels: tuple[Level, ...]
    refused: Mapping[str, str]  # random sources that were not redrawn, and why
    open: tuple[Open, ...]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    path: str = ""  # the study file, "" if it was not kept
    shard: str = ""  # which part of the plan this is, as in "2/8"; "" for all of it
    missing: tuple[int, ...] = ()  # blocks of which a replica is not there
    processors: Mapping[str, int] = field(default_factory=dict)  # replicas by type of processor
    table: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)  # a row per replica

    @property
    def dead(self) -> tuple[str, ...]:
        """Sources whose redraw changed nothing at all."""
        worth = next(iter(self.worth.values()), ())
        return tuple(w.source for w in worth if w.dead)

    def to_dict(self) -> dict[str, Any]:
        """Schema 1: these names are fixed, additions are allowed."""
        found: dict[str, Any] = _plain(self)
        found["dead"] = list(self.dead)
        found["replicas"] = found.pop("table")
        if self.noise is not None:
            found["noise"]["share"] = self.noise.share
        if self.agreement is not None:
            found["agreement"]["agrees"] = self.agreement.agrees
        return {"schema": 1, **found}

    def rows(self) -> tuple[Mapping[str, Any], ...]:
        """One row per replica: number, block, kind, redrawn, ``seed.*``, ``set.*``, last metrics,
        engine, digest, seconds, failure."""
        return self.table


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value
