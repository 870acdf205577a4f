"""What a process that holds live fits and calls is asked, and what it answers.

Data only, shared by whoever asks and whoever answers. A request is a :class:`Request` of the type
of its answer; ``runner/codec.py`` carries both between processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from whydiff.core.call_hybrids import (
    CallFields,
    LayerCall,
    LayerDifference,
    LayerSetting,
    Measurement,
)
from whydiff.core.chains import Pick
from whydiff.core.hybrids import StepInputs, StepRecord, TrainedHybrid, Trajectory, TrajectoryPoint
from whydiff.core.replicas import Packing, Redrawable, Replica, ReplicaInputs, Result
from whydiff.runner.job import Job

Answer = TypeVar("Answer")


class Request(Generic[Answer]):
    """Something to do; the parameter is what comes of it."""


class Requestable(Protocol):
    """Whoever holds live fits and answers requests: a script's process, or this interpreter."""

    def request(self, request: Request[Answer]) -> Answer:
        """Do it; raises TransferError or WhydiffError with its why."""
        ...


# Two fits and their hybrids.


@dataclass(frozen=True)
class OwnFit:
    """A fit of the process that is asked, counting from 1, or successive ones held as one."""

    fit: Pick


@dataclass(frozen=True)
class FitElsewhere:
    """A fit of another process: what :class:`Pack` wrote, its recording, and its script's job."""

    fit: Pick
    arrays: str
    recording: str
    job: Job


@dataclass(frozen=True)
class FitRecorded:
    """A fit of a recording, whose program is in no process."""

    fit: int
    recording: str


@dataclass(frozen=True)
class Paired:
    """``how`` hybrids are trained, in words; "" where there is nothing to say."""

    how: str


@dataclass(frozen=True)
class Pair(Request[Paired]):
    """Name the two fits to make hybrids of.

    ``differing`` are the structural sources that differ. The script of a fit elsewhere runs here,
    too, once a hybrid takes one of the sources in ``program`` from it: what these hold are live
    objects.
    """

    a: OwnFit | FitElsewhere | FitRecorded
    b: OwnFit | FitElsewhere | FitRecorded
    differing: tuple[str, ...] = ()
    program: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pack(Request[None]):
    """Write the arrays of a fit, and of loops that belong to it, to a file for another process."""

    fit: Pick
    file: str


@dataclass(frozen=True)
class RunAgain(Request[None]):
    """Run a script in this process as if none had run here before; the job says where it is
    recorded."""

    job: Job


@dataclass(frozen=True)
class Recall(Request[TrainedHybrid]):
    """Predict with the weights that one side ended with; nothing is trained."""

    side: str


@dataclass(frozen=True)
class Train(Request[TrainedHybrid]):
    """Train one hybrid; ``choice`` maps a source to the side it is taken from (default: A).

    With ``until`` only up to that (epoch, step). ``moments`` (epoch, step, whether with weights) on
    the way are kept. With ``nudge`` one initial weight, picked by that number, is an ULP away.
    Without ``weights`` the answer has only their digests, unless there are no predictions.
    """

    choice: Mapping[str, str]
    until: tuple[int, int] | None = None
    moments: tuple[tuple[int, int, bool], ...] = ()
    nudge: int | None = None
    weights: bool = True


@dataclass(frozen=True)
class ExamineStep(Request[StepRecord]):
    """One step of a hybrid tensor by tensor, and ``count`` steps on.

    It starts from its own inputs, or from ``inputs``.
    """

    choice: Mapping[str, str]
    moment: tuple[int, int]
    count: int
    inputs: StepInputs | None = None


@dataclass(frozen=True)
class MeasureLoss(Request["Mapping[str, float] | None"]):
    """The logged training loss of one side taken apart; None where that is not known."""

    side: str


@dataclass(frozen=True)
class PicturesOfPair(Request["Mapping[int, np.ndarray]"]):
    """Samples that are images, by position, of those on which hybrids predict."""

    positions: tuple[int, ...]


@dataclass(frozen=True)
class RelateSamples(Request["RowRelations"]):
    """How B's inputs and targets follow from A's, array by array."""


# One fit and its replicas. ``fit`` counts from 1.


@dataclass(frozen=True)
class AskRedrawable(Request[Redrawable]):
    """Which sources of a fit a seed can redraw, and how fast."""

    fit: int


@dataclass(frozen=True, eq=False)
class Replicated:
    """Results in the order of the replicas, and notes for the person.

    ``lowering`` says how the program computes that fuses replicas, "" while there is none.
    """

    results: tuple[Result, ...]
    notes: tuple[str, ...] = ()
    lowering: str = ""


@dataclass(frozen=True, eq=False)
class Replicate(Request[Replicated]):
    """Train replicas. ``inputs`` are by number what another process drew for some of them.

    With a ``packing`` there are results only for what is wanted.
    """

    fit: int
    replicas: tuple[Replica, ...]
    engine: str = "solo"
    keep_weights: bool = False
    packing: Packing | None = None
    inputs: Mapping[int, ReplicaInputs] = field(default_factory=dict)


@dataclass(frozen=True)
class DrawInputs(Request["Mapping[int, ReplicaInputs]"]):
    """What the seeds of replicas decide, by number, for another process to start from."""

    fit: int
    replicas: tuple[Replica, ...]


@dataclass(frozen=True)
class Streams(Request["tuple[Mapping[str, str], ...]"]):
    """For each replica a digest by source of what its seeds decide; nothing is trained."""

    fit: int
    replicas: tuple[Replica, ...]


@dataclass(frozen=True, eq=False)
class ProbeTargets:
    """What predictions on the probe should be, one array per output; () where that is not known.

    ``validation``: the probe is validation data; else it is training data.
    """

    targets: tuple[np.ndarray, ...]
    validation: bool


@dataclass(frozen=True)
class Probe(Request[ProbeTargets]):
    """The targets of the samples that a fit's predictions are made on."""

    fit: int


@dataclass(frozen=True)
class Pictures(Request["Mapping[int, np.ndarray]"]):
    """Samples of the probe that are images, by position."""

    fit: int
    positions: tuple[int, ...]


# Two measuring calls and their hybrids. Calls go by number.


@dataclass(frozen=True)
class PairCalls(Request[None]):
    """Name the two calls to make hybrids of, and which field belongs to which source."""

    a: int
    b: int
    fields: CallFields


@dataclass(frozen=True)
class JoinCalls(Request[int]):
    """Take calls that a loop made one after the other for one call; the answer is its number."""

    calls: tuple[int, ...]


@dataclass(frozen=True)
class RestrictCall(Request[int]):
    """Look at some rows of a call's outputs only; the answer is the number of what that is."""

    call: int
    rows: tuple[int, ...]


@dataclass(frozen=True)
class PackCall(Request[None]):
    """Write the arrays of a call to a file for another process."""

    call: int
    file: str


@dataclass(frozen=True)
class AdoptCall(Request[None]):
    """Take over a call of another process, or ``calls`` of a loop as one, under the number 0;
    ``like`` is its counterpart."""

    file: str
    recording: str
    calls: tuple[int, ...]
    like: int


@dataclass(frozen=True)
class MeasureHybrid(Request[Measurement]):
    """Run A's call with the sources that ``choice`` maps to B taken from there."""

    choice: Mapping[str, str]


@dataclass(frozen=True)
class MeasureAgain(Request[Measurement]):
    """Run one side from its own fields in its own model."""

    side: str


@dataclass(frozen=True)
class KeepLayers(Request[None]):
    """Call A's model layer by layer on A's data, and write what each was given and answered."""

    file: str


@dataclass(frozen=True)
class FindLayer(Request[LayerDifference]):
    """The first layer that answers otherwise on equal input, with its settings.

    With ``kept`` A is in another process, which wrote that file for :class:`KeepLayers`: then it is
    the first that does so by more than rounding. With ``mixing`` it is the first layer whose answer
    for a row depends on the other rows of its batch.
    """

    kept: str = ""
    mixing: bool = False


@dataclass(frozen=True)
class CompareCuts(Request["Mapping[str, Any]"]):
    """A metric of A's model in the batches of both evaluates, and what of the change is made by
    samples that are answered otherwise."""

    metric: str


@dataclass(frozen=True)
class RowRelations:
    """How B's arrays follow from A's, one by one: kinds and words of ``stats.correspondence``."""

    kinds: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    factors: tuple[float, ...] = ()


@dataclass(frozen=True)
class RelateRows(Request[RowRelations]):
    """How the inputs of one call, or its ``labels``, follow from those of another."""

    a: int
    b: int
    labels: bool = False


@dataclass(frozen=True)
class FollowByLayers(Request[int]):
    """By which of some ways, counting from 0, the inputs of one call follow from those of another;
    -1 by none. A way is what a layer learned on either side, as ``stats.adapted`` takes it."""

    a: int
    b: int
    ways: tuple[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None], ...]


@dataclass(frozen=True)
class RelateWeights(Request[str]):
    """To what the weights of one call are rounded in another, "" where they are not."""

    a: int
    b: int


@dataclass(frozen=True)
class SameRows(Request[bool]):
    """Whether a call was given the very rows that a fit was trained (validated) on: in its last
    epoch, or in a ``step`` of it."""

    fit: int
    call: int
    validation: bool = False
    step: int | None = None


@dataclass(frozen=True)
class LossParts(Request["Mapping[str, Any]"]):
    """What a fit logged against what a call, or its own validation, gave, in parts that add up to
    the gap.

    ``uninterrupted``: the part as well that evaluations in the middle of the last epoch made.
    ``step``: the fit is a loop, and the number is what that step of it gave.
    """

    fit: int
    call: int | OwnFit
    metric: str
    uninterrupted: bool = False
    step: int | None = None


@dataclass(frozen=True)
class ValidationParts(Request["Mapping[str, float]"]):
    """A metric in the validation batches of a fit, with a call's weights and the final ones."""

    fit: int
    call: int
    metric: str


@dataclass(frozen=True)
class Rescore(Request["Mapping[str, float]"]):
    """A score computed again under other rules, by what was changed.

    ``evaluate`` is the call that it is held against, or a fit, whose validation it is then; the
    score is raised to a ``power``.
    """

    evaluate: int | OwnFit
    score: int
    reads: int
    metric: str
    power: float = 1.0


@dataclass(frozen=True)
class TwoMetrics(Request["Mapping[str, Mapping[str, float]]"]):
    """Two metrics of one evaluate, or of the validation of a fit, as their rules are taken away one
    after the other.

    ``trained``: of a fit's last epoch, measured with the weights that it ended with.
    """

    evaluate: int | OwnFit
    metrics: tuple[str, str]
    trained: bool = False


@dataclass(frozen=True)
class MeasureByPosition(Request["Mapping[str, float]"]):
    """The metric of evaluate from predictions, with labels of their rows and of another pass."""

    evaluate: int
    predict: int
    metric: str


FitRequest = (
    Pair
    | Pack
    | RunAgain
    | Recall
    | Train
    | ExamineStep
    | MeasureLoss
    | PicturesOfPair
    | RelateSamples
)
ReplicaRequest = AskRedrawable | Replicate | DrawInputs | Streams | Probe | Pictures
CallRequest = (
    PairCalls
    | JoinCalls
    | RestrictCall
    | PackCall
    | AdoptCall
    | MeasureHybrid
    | MeasureAgain
    | KeepLayers
    | FindLayer
    | CompareCuts
    | RelateRows
    | FollowByLayers
    | RelateWeights
    | SameRows
    | LossParts
    | ValidationParts
    | Rescore
    | TwoMetrics
    | MeasureByPosition
)
AnyRequest = FitRequest | ReplicaRequest | CallRequest


# What is packed into files.


@dataclass(frozen=True, eq=False)
class FitArrays:
    """What arrays can carry of a live fit; see ``core.live.Material``. ``constants`` are tensors
    that its layers compute with and that are no variables, by the fact that tells them."""

    weights: list[np.ndarray]
    noise: list[np.ndarray]
    state: list[np.ndarray]
    leaves: list[Any] | None
    roles: tuple[str, ...]
    order: tuple[np.ndarray, ...]
    batches: tuple[np.ndarray, ...]
    validation: list[list[Any]]
    validation_later: Mapping[int, list[list[Any]]]
    random_states: Mapping[tuple[int, int], np.ndarray]
    random_draws: Mapping[tuple[int, int], int]
    host_draws: Mapping[str, Mapping[tuple[int, int], np.ndarray]]
    final: list[np.ndarray]
    logs: tuple[Mapping[str, float], ...]
    constants: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class TrainingArrays:
    """A fit and, by index, the loops whose steps came between those of it."""

    fit: FitArrays
    companions: Mapping[int, FitArrays]


@dataclass(frozen=True, eq=False)
class CallArrays:
    """What arrays can carry of a live call; ``fed`` holds the leaves of each batch, ``generators``
    the states of the global generators."""

    weights: tuple[np.ndarray, ...]
    noise: tuple[np.ndarray, ...]
    generators: Mapping[str, Any]
    fed: tuple[tuple[np.ndarray, ...], ...] | None
    held: Mapping[str, Any]
    traced: Mapping[str, Any]
    arguments: Mapping[str, Any]


# What a process answers with.


@dataclass(frozen=True)
class ScriptEnded:
    """The first message of a process: its script is over."""

    exit_code: int


@dataclass(frozen=True, eq=False)
class Answered:
    """What came of a request."""

    value: Any


@dataclass(frozen=True)
class NotTransferable:
    """A field of one fit or call does not fit the other."""

    why: str


@dataclass(frozen=True)
class Refused:
    """It cannot be done; ``why`` and ``way_out`` are for the person."""

    why: str
    way_out: str


@dataclass(frozen=True)
class Failed:
    """A fault of ours or of the script's code, with its traceback."""

    why: str
    trace: str


@dataclass(frozen=True)
class EpochOver:
    """Comes before the reply: ``done`` of ``total`` epochs of what is being trained are over.

    Or of its steps, where a script runs again: ``unit`` is then "step".
    """

    done: int
    total: int
    unit: str = "epoch"


Reply = Answered | NotTransferable | Refused | Failed

#: Every class that is sent or packed, by name.
TYPES: Mapping[str, type] = {
    cls.__name__: cls
    for cls in (
        Pair, Pack, RunAgain, Recall, Train, ExamineStep, MeasureLoss, PicturesOfPair,
        RelateSamples,
        AskRedrawable, Replicate, DrawInputs, Streams, Probe, Pictures,
        PairCalls, JoinCalls, RestrictCall, PackCall, AdoptCall, MeasureHybrid, MeasureAgain,
        KeepLayers, FindLayer, CompareCuts, RelateRows, FollowByLayers, RelateWeights, SameRows,
        LossParts, ValidationParts,
        Rescore, TwoMetrics, MeasureByPosition,
        OwnFit, FitElsewhere, Job, FitRecorded, Paired, TrainedHybrid, Trajectory, TrajectoryPoint,
        StepInputs, StepRecord, Redrawable, Replicated, Replica, Packing, ReplicaInputs, Result,
        ProbeTargets, CallFields, Measurement, LayerSetting, LayerDifference, LayerCall,
        RowRelations, FitArrays, TrainingArrays, CallArrays,
        ScriptEnded, EpochOver, Answered, NotTransferable, Refused, Failed,
    )
}  # fmt: skip
