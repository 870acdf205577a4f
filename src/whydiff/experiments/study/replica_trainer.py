"""A watched fit and what trains replicas of it: the ground that ``study`` and ``compare`` share.

The script runs once, watched, in a child process that stays; replicas are asked of it in chunks.
Where a fit of the present process is studied, the same requests go to it directly.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import TransferError
from whydiff.core.machine import machine_facts
from whydiff.core.progress import Progress, Silent
from whydiff.core.recording import Execution, Fit
from whydiff.core.replicas import Packing, Replica, Result
from whydiff.core.shards import WIDTH
from whydiff.core.temporary import temporary_folder
from whydiff.runner.client import KEEP_BYTES, Run
from whydiff.runner.epochs import EpochProgress
from whydiff.runner.messages import (
    AskRedrawable,
    Pictures,
    Probe,
    Replicate,
    Requestable,
    Streams,
)  # fmt: skip
from whydiff.runner.running import Ran, Runs, runs_of, times
from whydiff.storage import load

ENGINES = ("auto", "fused", "solo", "process")
#: Bytes of weights and predictions that one answer may bring.
ANSWER_BYTES = 256 << 20
#: Replicas asked for at once of the engine that trains many together.
MOST_AT_ONCE = 512
#: Seconds of plain training that one answer may stand for: what a kill may cost at most.
PATIENCE = 600.0


@dataclass(eq=False)
class ReplicaTrainer:
    """One fit of ``execution`` with the process that can train it again.

    ``sources`` are those that a seed can redraw, ``refused`` says of the others why not.
    ``fused`` is "" if many replicas can be trained as one program, else why not; ``notes``
    gathers what the executors said. ``rows`` are trained on and ``held`` validated on: what can be
    divided anew, unless ``undivided`` says why not.
    """

    execution: Execution
    fit: Fit
    process: Requestable
    sources: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    fused: str = ""
    capacity: int = 1
    notes: list[str] = field(default_factory=list)
    pace: float = 0.0  # seconds of one plain training, 0 while not known
    width: int = WIDTH  # replicas that are best trained as one program
    rows: int = 0
    held: int = 0
    undivided: str = ""
    twin: Fit | None = None  # the fit of another process, where that trains what is fused

    @property
    def backend(self) -> str:
        """Name of the backend that the script trains with."""
        return str(self.fit.recipe.backend.get("backend", ""))

    @property
    def machine(self) -> Mapping[str, Any]:
        """Facts about the machine that it trains on."""
        return self._facts("solo")

    def _facts(self, engine: str, lowering: str = "") -> Mapping[str, Any]:
        recipe = (self.twin if self.twin and engine == "fused" else self.fit).recipe
        facts = machine_facts(recipe.hardware, recipe.version)
        return {**facts, "program": {"lowering": lowering}} if engine == "fused" else facts

    def engine(self, wanted: str) -> str:
        """The executor to ask for: "fused" or "solo". WhydiffError if "fused" is not possible."""
        if wanted == "fused" and self.fused:
            raise WhydiffError(
                f"this training cannot be fused: {self.fused}",
                "--engine solo trains one replica after the other, auto chooses.",
            )
        return "solo" if wanted == "solo" or self.fused else "fused"

    def at_once(self, engine: str, keep_weights: bool = True) -> int:
        """How many replicas to ask for at once: as many as one answer should bring."""
        if engine == "solo":
            return 1
        parameters = int(self.fit.notes.get("parameters") or 0)
        size = 4 * parameters if keep_weights else 0
        fit = max(1, ANSWER_BYTES // max(size, 1))
        patient = int(PATIENCE / self.pace) if self.pace > 0 else MOST_AT_ONCE
        return max(1, min(MOST_AT_ONCE, fit, patient))

    def train(
        self,
        replicas: Sequence[Replica],
        engine: str = "solo",
        keep_weights: bool = False,
        packing: Packing | None = None,
    ) -> list[Result]:
        """Train ``replicas``; a result for each, in their order, failed ones included.

        With a ``packing`` there is one for what is wanted only.
        """
        if not replicas:
            return []
        answer = self.process.request(
            Replicate(self.fit.index, tuple(replicas), engine, keep_weights, packing)
        )
        self.notes += [note for note in answer.notes if note not in self.notes]
        return [
            replace(result, machine=self._facts(result.engine, answer.lowering))
            for result in answer.results
        ]

    def own(self) -> Result:
        """The watched fit itself, trained once more from its own values by ``solo``."""
        (result,) = self.train([Replica(0)], "solo", keep_weights=True)
        self.pace = result.seconds
        return result

    def probe(self) -> tuple[tuple[np.ndarray, ...], bool]:
        """What predictions on the probe should be, one array per output, and whether the probe
        is validation data (else it is training data). () where that is not known."""
        answer = self.process.request(Probe(self.fit.index))
        return answer.targets, answer.validation

    def pictures(self, positions: Sequence[int]) -> dict[str, np.ndarray]:
        """Examples of the probe as images, named by position; {} where they are none."""
        images = self.process.request(Pictures(self.fit.index, tuple(positions)))
        return {str(position): image for position, image in images.items()}

    def streams(self, replicas: Sequence[Replica]) -> Sequence[Mapping[str, str]]:
        """For each replica, a digest by source of the values that its seeds decide."""
        return self.process.request(Streams(self.fit.index, tuple(replicas)))


def chosen_fit(execution: Execution, wanted: int | None = None) -> Fit:
    """The fit to study: ``wanted`` (counting from 1), else the longest, the first of equals."""
    fits = execution.fits
    if wanted is None:
        return max(fits, key=lambda fit: (len(fit.steps), -fit.index))
    if not 1 <= wanted <= len(fits):
        count = f"{len(fits)} {'fit' if len(fits) == 1 else 'fits'}"
        raise WhydiffError(
            f"--fit names fit {wanted}, but {execution.script} has {count}",
            f"Fits count from 1 to {len(fits)} in the order in which they ran.",
        )
    return fits[wanted - 1]


@contextlib.contextmanager
def replica_trainer(
    run: Run,
    *,
    fit: int | None = None,
    time_limit: float | None = None,
    progress: Progress | None = None,
    runs: Runs | None = None,
) -> Iterator[ReplicaTrainer]:
    """Execute ``run`` once, watched, and keep its process to train replicas of one of its fits.

    Raises WhydiffError if the script fails, trains nothing or has no such fit, and
    :class:`Uncapturable` if the fit cannot be trained again.
    """
    script, run = run.script, replace(run, purpose="a")
    runs = runs or runs_of([script], False, progress or Silent(), times(1))
    with temporary_folder() as name:
        epochs = None
        if progress is not None:
            on = f", on {run.backend}" if run.backend else ""
            epochs = EpochProgress(f"running {runs.text(run)}, watched{on}", progress)
        with runs.run(run, Path(name), "a", time_limit=time_limit, epochs=epochs) as ran:
            if ran.late:
                raise WhydiffError(
                    f"{script} was stopped after the time limit of {time_limit:g} s",
                    "Give it more with --time-limit, or see what it waits for.",
                )
            ran.check_ended()
            execution = ran.execution
            if execution is None:
                raise Uncapturable(f"{script} never imported Keras")
            if not execution.fits:
                raise Uncapturable(f"{script} did not train with `fit`")
            chosen = chosen_fit(execution, fit)
            yield _ready(ReplicaTrainer(execution, chosen, ran.child), ran)


class Uncapturable(WhydiffError):
    """A training that is no recipe: only the whole script can be run again."""

    def __init__(self, why: str) -> None:
        super().__init__(why, "--engine process runs the whole script again and again.")


def _ready(bench: ReplicaTrainer, ran: Ran) -> ReplicaTrainer:
    """``bench`` prepared; where it cannot be, what the watching said about its fit tells why."""
    try:
        return prepared(bench)
    except Uncapturable as why:
        about = f"fit {bench.fit.index} "
        said = [line.removeprefix("whydiff: ") for line in ran.remarks() if about in line]
        raise Uncapturable(said[0] if said else str(why)) from None


def prepared(bench: ReplicaTrainer) -> ReplicaTrainer:
    """``bench`` with what its process says it can redraw."""
    if not bench.fit.finished:
        raise Uncapturable(f"fit {bench.fit.index} did not end by itself")
    if "not kept" in bench.fit.notes:
        raise Uncapturable(f"the data of fit {bench.fit.index} were too large to keep")
    try:
        able = bench.process.request(AskRedrawable(bench.fit.index))
    except (WhydiffError, TransferError) as why:
        raise Uncapturable(str(why)) from None
    bench.sources, bench.refused = able.sources, able.refused
    bench.fused, bench.capacity, bench.width = able.fused, able.capacity, able.width
    bench.rows, bench.held, bench.undivided = able.rows, able.held, able.undivided
    return bench


@contextlib.contextmanager
def local_bench(
    build: Callable[[], Any], data: Any, fit_arguments: Mapping[str, Any], progress: Progress
) -> Iterator[ReplicaTrainer]:
    """Build a model, fit it once, watched, and keep it to train replicas.

    Raises WhydiffError if ``build`` gives no compiled model or ``fit`` takes no step.
    """
    import keras

    from whydiff.runner import in_process
    from whydiff.runner.in_process_client import InProcessClient

    if data is None and "x" not in fit_arguments:
        raise WhydiffError(
            "there are no data to fit", "whydiff.study(build, (x, y), epochs=...) takes them."
        )
    name = getattr(build, "__qualname__", repr(build))
    with temporary_folder() as folder:
        recording = Path(folder) / "a.whydiff"
        session = in_process.begin(recording, KEEP_BYTES, name)
        progress.step(f"training {name}, watched")
        try:
            model = build()
            if not isinstance(model, keras.Model):
                raise WhydiffError(
                    f"{name}() gave {type(model).__name__}, not a Keras model",
                    "It has to build a model, compile it and return it.",
                )
            given = data if isinstance(data, tuple) else () if data is None else (data,)
            # The positions of fit are x, y, batch_size; sample weights have a name.
            named = {"sample_weight": given[2]} if len(given) > 2 else {}
            model.fit(*given[:2], **{"verbose": 0, **named, **fit_arguments})
        finally:
            session.close(0)
            in_process.wait()
        execution = load(recording)
        if not execution.fits or not session.lives:
            raise WhydiffError(f"fitting {name}() took no step", "Give data and epochs to fit.")
        client = InProcessClient(session.lives, recording, each_epoch=progress.epochs)
        yield prepared(ReplicaTrainer(execution, execution.fits[-1], client))
