"""What was seen of one run of a script: its calls, its random draws, its surroundings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from whydiff.core.calls import Event, MeasuringCall
from whydiff.core.notebook import Shown
from whydiff.core.recipe import Recipe, Tensor
from whydiff.core.stack import Frame as Frame

#: The groups digested at every step, in the order of the columns of ``Fit.steps``.
STEP_GROUPS: tuple[str, ...] = ("batch", "noise", "weights", "optimizer", "loss")


#: kind of a ledger entry that is no draw: the script seeded a generator
SEEDING = "seeding"


#: fact of an execution: how many processes its script started through multiprocessing or joblib
PROCESSES = "worker processes"
#: fact of an execution: Python programs that its script started (``core/programs.py``)
PROGRAMS = "started programs"
#: Fact of an environment: lines at which ``stateless_call`` was traced into a compiled function of
#: the script's own.
TRACED = "traced stateless calls"


#: fact of an execution: the lines that called a fit which failed before one step was over
FAILED_FITS = "fits that failed before a step"


#: note of a fit: its ledger says nothing of what the script seeded
UNKEPT_SEEDINGS = "seedings not kept"


#: note of a fit: nobody looks at its log
LOG_UNSEEN = "neither printed nor kept"
#: note of a fit: [epoch, learning rate of each optimizer] wherever an epoch has others than before
RATES = "learning rates"
#: note of a fit with callbacks between its steps: [epoch, step, learning rates] wherever a step has
#: others than the one before
STEP_RATES = "learning rates by step"
#: note of a fit: over which samples its inputs are standardized (``stats.standardized``)
STANDARDIZED = "standardized over"
#: note of successive fits held as one: [epoch, counting from 1, paths of seed generators] wherever
#: a later fit begins with states that the one before it did not leave
SEEDS_ANEW = "seed states anew"
#: note of a fit: the callbacks that set its learning rate, each with the place where it does
RATE_SETTERS = "sets the learning rate"
#: notes of a fit: how many entries the ledger had when it was called, and at its first step, when
#: a generator of data has begun as well
LEDGER, LEDGER_AT_FIRST_STEP = "seed ledger", "seed ledger at the first step"
#: note of a fit: [callback of the script's with its place, paths of variables that it changed]
CALLBACKS_CHANGED = "callbacks changed"
#: note of a fit: [layer, trainable, epoch from which on it can act, place, paths of the weights
#: whose flag it changed] wherever the script set ``trainable`` while it trained
TRAINABLE_SET = "trainable set while it trained"
#: note of a fit that a generator or PyDataset of the script's feeds: what drew meanwhile, ``numpy``
#: and ``random`` for the global generators, the seed of one of ``default_rng``, None for others
FEED_DRAWS = "drew while it was fed"
#: note of a fit: whether a map of its tf.data pipeline draws random numbers, or calls Python
RANDOM_MAP = "random map"
#: note of a fit: plain values that the script's frames had which led to it, by their names
ASKED = "asked for"


#: Steps at the beginning of a fit that are all looked at: there most trainings part.
FIRST_STEPS = 256


#: note of a fit: what its steps left was digested after every so many of them only
EVERY = "digested every"


#: note of a fit: how often the script measured while it ran, by what and where; not watched
MEASURED_WITHIN = "measured within"


#: note of a loop that stands for one of its steps: which one, counting from 0
STEP = "step"


#: note of a fit: how many batches of the validation data it was told to evaluate
VALIDATION_STEPS = "validation steps"


#: note of a fit: a callback of the script reads the log between two steps
BATCH_LOG_READ = "log read between steps"
#: note of a fit: ``Class.attribute`` of callbacks that earlier fits were given, too -> the number
#: of the fit that left it otherwise than it found it
CALLBACKS_LEFT = "callbacks left"


@dataclass(frozen=True)
class Draw:
    """One entry of the seed ledger: a seed that an initializer or a seed generator holds.

    ``explicit`` says that the script wrote the seed; otherwise it was drawn from Python's
    ``random``. ``layer`` is the canonical path of the layer that holds the object, with the
    attribute (``dense/kernel_initializer``), once a fit has shown it.

    An entry of kind "seeding" says that ``owner`` (``keras.utils.set_random_seed``,
    ``numpy.random.default_rng``) was called with ``seed``; all draws behind it follow from it.
    """

    number: int
    kind: str  # "initializer" | "seed generator" | "seeding"
    owner: str  # class name, or the function that seeded
    seed: int | None
    explicit: bool
    stack: tuple[Frame, ...] = ()
    layer: str | None = None
    fit: int | None = None  # the first fit whose model holds it


@dataclass(frozen=True)
class Epoch:
    """One finished epoch: logs as Keras reported them, digests of every tensor at its end."""

    index: int
    steps: int
    logs: Mapping[str, float]
    tensors: tuple[Tensor, ...] = ()


@dataclass(frozen=True, eq=False)
class Fit:
    """One ``fit`` as it was seen. ``steps`` has shape (steps, len(STEP_GROUPS)), uint64.

    Of a step whose state was not digested all groups but the batch are 0, see ``every``.

    ``step_epochs`` (int64, shape (steps,)) is the epoch each step belongs to. ``finished`` is
    False where the execution was cut short; everything up to then is there.
    """

    index: int  # counts from 1 within its execution
    model: str  # class and name, e.g. "Sequential 'sequential_1'"
    stack: tuple[Frame, ...]  # where the script called fit
    recipe: Recipe
    steps: np.ndarray
    step_epochs: np.ndarray
    epochs: tuple[Epoch, ...]
    final: tuple[Tensor, ...]  # weights after training, restored weights included
    finished: bool
    seconds: float
    #: plain facts for the reader: input and output shapes, kind of data, parameter count,
    #: "losses" of the first steps as logged (means since the epoch began), things that could not
    #: be seen ("unknown: ...")
    notes: Mapping[str, Any] = field(default_factory=dict)
    call: int = 0  # its number among all calls of the execution; 0 in a recording without calls
    #: numbers of the models that it trained, as in ``MeasuringCall.model_number``; () in recordings
    #: that lack them
    models: tuple[int, ...] = ()
    #: indices of the successive fits that it holds as one (``core.chains``); () of one as it ran
    parts: tuple[int, ...] = ()

    @property
    def pick(self) -> int | tuple[int, ...]:
        """What names it in its execution: its number, or those of its parts."""
        return self.parts or self.index

    @property
    def last(self) -> int:
        """The index of the fit that left its final weights."""
        return self.parts[-1] if self.parts else self.index

    @property
    def number(self) -> str:
        """``2``, or ``1+2+3``."""
        return "+".join(map(str, self.parts or (self.index,)))

    @property
    def every(self) -> int:
        """Every how many steps what they left was digested; the first :data:`FIRST_STEPS` always
        were."""
        return int(self.notes.get(EVERY) or 1)

    @property
    def log_seen(self) -> bool:
        """Whether the script prints or keeps what the fit logged, as far as its text tells."""
        return self.notes.get("log") != LOG_UNSEEN

    @property
    def names_seen(self) -> tuple[str, ...]:
        """The numbers of its log that the script looks at, () where that is not known."""
        return tuple(map(str, self.notes.get("log names") or ()))

    @property
    def rates(self) -> dict[int, list[Any]]:
        """By the epoch that began with them the learning rates of the optimizers, where another
        epoch had others."""
        noted = self.notes.get(RATES)
        return {
            one[0]: one[1]
            for one in (noted if isinstance(noted, list) else ())
            if isinstance(one, list) and len(one) == 2 and isinstance(one[0], int)
            if isinstance(one[1], list)
        }

    @property
    def step_rates(self) -> dict[tuple[int, int], list[Any]]:
        """By epoch and step the learning rates from that step on; {} where no callback could set
        them between two steps."""
        noted = self.notes.get(STEP_RATES)
        return {
            (one[0], one[1]): one[2]
            for one in (noted if isinstance(noted, list) else ())
            if isinstance(one, list) and [type(part) for part in one] == [int, int, list]
        }

    def trained(self, call: MeasuringCall) -> bool:
        """Whether it trained the model that ``call`` used. Titles tell where numbers are lacking:
        models of equal names are common (``clear_session`` counts names from the start)."""
        return call.model_number in self.models if self.models else call.model == self.model


@dataclass(frozen=True, eq=False)
class Execution(Shown):
    """One execution of a script."""

    script: str
    arguments: tuple[str, ...]
    started: str  # ISO 8601, UTC
    exit_code: int | None  # None while running or if it was killed
    environment: Mapping[str, Any]  # flat facts, see recorder/environment.py
    fits: tuple[Fit, ...]
    ledger: tuple[Draw, ...]
    trouble: str = ""  # why recording stopped early, if it did
    calls: tuple[MeasuringCall, ...] = ()  # in the order in which they began
    events: tuple[Event, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """One row per epoch of each fit, and one per call that measured: what was logged."""
        epochs = [
            {"call": "fit", "number": fit.index, "model": fit.model, "epoch": epoch.index}
            | dict(epoch.logs)
            for fit in self.fits
            for epoch in fit.epochs
        ]
        calls = [
            {"call": call.kind, "number": call.number, "model": call.model} | dict(call.values)
            for call in self.calls
        ]
        return [*epochs, *calls]

    def in_order(self) -> tuple[Fit | MeasuringCall, ...]:
        """Fits and measuring calls in the order in which they began."""
        numbered: list[tuple[int, Fit | MeasuringCall]] = [(fit.call, fit) for fit in self.fits]
        numbered += [(call.number, call) for call in self.calls]
        return tuple(call for _, call in sorted(numbered, key=lambda pair: pair[0]))


@dataclass(frozen=True, eq=False)
class Side:
    """One side of a comparison: a fit and the execution it belongs to."""

    execution: Execution
    fit: Fit

    @property
    def recipe(self) -> Recipe:
        return self.fit.recipe

    @property
    def has_gpu(self) -> bool:
        """Whether it ran where a GPU, or the like of one, was there."""
        devices = str(self.recipe.hardware.get("devices", "")).lower()
        return any(name in devices for name in ("gpu", "cuda", "tpu", "mps", "rocm"))
