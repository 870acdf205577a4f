"""The other half of a child's life: after its script it trains hybrids on request.

What a request and its answer hold is plain JSON (see answering). Arrays go through files in a
folder that the parent owns.
"""

from __future__ import annotations

import functools
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import TransferError
from whydiff.core.live import Live, LiveCall
from whydiff.core.pins import Pins
from whydiff.core.replicas import Replica, Result
from whydiff.replay.engines import Engines
from whydiff.replay.outcome import Outcome
from whydiff.replay.probe import pictures_of, targets_of
from whydiff.replay.rerun import Rerun, needs_script
from whydiff.replay.solo import Solo
from whydiff.replay.tensors import look
from whydiff.replay.values import side
from whydiff.runner import replica_inputs, step_comparison as looks
from whydiff.runner.child.calls import CallServer
from whydiff.runner.codec import pack, unpack
from whydiff.runner.replica_inputs import savable, save_arrays
from whydiff.runner.trajectory import TrajectoryWriter
from whydiff.storage import load


class Server:
    """``lives`` are this process's own fits, recorded in ``recording``; ``run`` executes a script
    watched, and ``job`` describes the one that this process ran."""

    def __init__(
        self,
        lives: list[Live],
        run: Callable[..., list[Live]],
        job: Mapping[str, Any],
        recording: Path,
        calls: Sequence[LiveCall] = (),
    ) -> None:
        self._lives, self._run, self._job, self._recording = lives, run, job, recording
        self._solo: Solo | Rerun | None = None
        self._other: _OtherProgram | None = None
        self._engines: dict[int, Engines] = {}
        self._calls = CallServer(calls, lives)

    def call(self, what: str, **arguments: Any) -> dict[str, Any]:
        """A request about measuring calls; ``what`` is a method of :class:`CallServer`."""
        answer: dict[str, Any] = getattr(self._calls, what)(**arguments)
        return answer

    def pack(self, fit: int, folder: str) -> dict[str, Any]:
        """Write the material of one fit, and of loops that belong to it, for another process."""
        live = self._own(fit)
        pack(live, Path(folder))
        for index, other in self._companions(live).items():
            pack(other, Path(folder) / f"companion-{index}")
        return {}

    def pair(
        self,
        a: Mapping[str, Any],
        b: Mapping[str, Any],
        differing: list[str],
        program: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Name the two fits to make hybrids of.

        A side is ``{"fit": 2}`` for a fit of this process, or ``{"folder": ..., "recording":
        ..., "fit": 1, "job": ...}`` for one of another. Its script runs here, too, once a hybrid
        takes one of the sources in ``program`` from it: what these hold are live objects.
        """
        described = {"a": a, "b": b}
        own = {n: self._own(d["fit"]) for n, d in described.items() if "folder" not in d}
        like = next(iter(own.values()))
        adopted = {n: _adopted(d, like) for n, d in described.items() if "folder" in d}
        lives = {**own, **adopted}
        self._other = None
        if any(needs_script(live) for live in lives.values()):
            companions = {
                n: self._adopted_companions(described[n], live)
                if "folder" in described[n]
                else self._companions(live)
                for n, live in lives.items()
            }
            run = functools.partial(self._again, described)
            self._solo = Rerun(lives, companions, frozenset(differing), run)
        else:
            self._solo = Solo(lives, frozenset(differing))
            for name in adopted:
                self._other = _OtherProgram(name, described[name], frozenset(program))
        return {"how": self._solo.how}

    def _prepare(self, choice: Mapping[str, str]) -> None:
        """Load the other side's program where a hybrid takes live objects from it.

        TransferError where its script does not build it again here.
        """
        other = self._other
        if other is None or not other.wanted(choice):
            return
        if other.refused:
            raise TransferError(other.refused)
        assert isinstance(self._solo, Solo)
        described = other.described
        try:
            lives = self._run(described["job"], Path(described["recording"]), described["fit"])
        except TransferError as why:
            other.refused = str(why)
            raise
        loaded = _adopted(described, _fit(lives, described["fit"]), own_model=True)
        self._solo = Solo({**self._solo.lives, other.name: loaded}, self._solo.differing)
        self._other = None

    def recall(self, side: str, output: str) -> dict[str, Any]:
        """Predict with the weights that one side ended with; nothing is trained."""
        assert self._solo is not None
        return self._save(self._solo.recall(side), output)

    def train(
        self,
        choice: Mapping[str, str],
        output: str,
        until: list[int] | None = None,
        moments: Sequence[Sequence[int]] = (),
        trace: str = "",
        nudge: int | None = None,
    ) -> dict[str, Any]:
        """Train one hybrid; weights and predictions go to ``output`` (.npz).

        The ``moments`` (epoch, step, whether with weights) on the way go to the folder ``trace``.
        """
        assert self._solo is not None
        self._prepare(choice)
        started = time.monotonic()
        keeper, stop = TrajectoryWriter(), (until[0], until[1]) if until else None
        looked = {(epoch, step): bool(weighed) for epoch, step, weighed in moments}
        try:
            if isinstance(self._solo, Rerun):  # a loop of the script's own is not looked into
                if nudge is not None:
                    raise TransferError("its loop is the script's own and starts as it does")
                outcome, trace = self._solo.train(choice, stop), ""
            else:
                outcome = self._solo.train(choice, stop, looked, keeper, nudge)
        except Exception as error:
            if not choice or isinstance(error, TransferError):
                raise
            # Keras refused a mixture of the two (shapes that do not fit, a loss that does not).
            raise TransferError(f"the two do not fit together: {_first_line(error)}") from error
        if trace:
            keeper.write(Path(trace))
        return {
            **self._save(outcome, output),
            "moved": outcome.moved,
            "seconds": time.monotonic() - started,
        }

    def look(
        self, choice: Mapping[str, str], moment: list[int], count: int, output: str, given: str = ""
    ) -> dict[str, Any]:
        """One step of a hybrid tensor by tensor, from its own inputs or from those in ``given``."""
        self._prepare(choice)
        if not isinstance(self._solo, Solo):
            raise TransferError("its loop is the script's own and runs only as a whole")
        inputs = looks.read_before(Path(given)) if given else None
        found = look(self._solo, choice, (moment[0], moment[1]), count, inputs)
        looks.write(found, Path(output))
        return {"notes": found.notes}

    def measure(self, side: str) -> dict[str, Any]:
        """The logged training loss of one side taken apart by re-evaluation."""
        assert self._solo is not None
        return {"parts": self._solo.measure(side)}

    def redrawable(self, fit: int | None = None) -> dict[str, Any]:
        """Which sources of a fit (the last one, unless named) a seed can redraw, and how fast."""
        return self._engines_of(fit).redrawable()

    def replicate(
        self,
        replicas: list[Mapping[str, Any]],
        output: str,
        engine: str = "solo",
        keep_weights: bool = False,
        fit: int | None = None,
        given: Mapping[str, str] | None = None,
        packs: int = 0,
    ) -> dict[str, Any]:
        """Train replicas; arrays go to ``output`` (.npz) as ``prediction:NUMBER:OUTPUT`` and
        ``weights:NUMBER:PATH``. A replica that fails says so in its ``failure``. ``given`` are
        files of :meth:`draw` by number, to start from what another process drew; ``packs`` is how
        many equal parts of ``replicas`` are programs of their own."""
        wanted = [
            Replica(int(r["number"]), r.get("seeds", {}), r.get("settings", {})) for r in replicas
        ]
        drawn = {
            int(number): replica_inputs.read(Path(path)) for number, path in (given or {}).items()
        }
        engines = self._engines_of(fit)
        results, notes = engines.train(wanted, engine, keep_weights, drawn, packs)
        arrays: dict[str, np.ndarray] = {}
        for result in results:
            number = result.replica.number
            for k, prediction in enumerate(result.predictions or ()):
                arrays[f"prediction:{number}:{k}"] = savable(prediction)
            for path, value in (result.weights or {}).items():
                arrays[f"weights:{number}:{path}"] = savable(value)
        save_arrays(output, arrays)
        described = [_described(result) for result in results]
        return {"results": described, "notes": notes, "lowering": engines.lowering}

    def draw(
        self, replicas: list[Mapping[str, Any]], folder: str, fit: int | None = None
    ) -> dict[str, Any]:
        """What the seeds of replicas decide, to ``drawnNUMBER.npz`` in ``folder``."""
        engines = self._engines_of(fit)
        for r in replicas:
            replica = Replica(int(r["number"]), r.get("seeds", {}), r.get("settings", {}))
            replica_inputs.write(engines.draw(replica), Path(folder) / f"drawn{replica.number}.npz")
        return {}

    def streams(self, replicas: list[Mapping[str, Any]], fit: int | None = None) -> dict[str, Any]:
        """For each replica a digest by source of what its seeds decide; nothing is trained."""
        engines = self._engines_of(fit)
        wanted = [Replica(int(r["number"]), r.get("seeds", {})) for r in replicas]
        return {"streams": [engines.streams(replica) for replica in wanted]}

    def probe(self, output: str, fit: int | None = None) -> dict[str, Any]:
        """What predictions on the probe should be, to ``output`` (.npz) as ``target:NUMBER``."""
        live = self._own(self._lives[-1].index if fit is None else fit)
        save_arrays(output, {f"target:{k}": savable(t) for k, t in enumerate(targets_of(live))})
        return {"validation": bool(live.material.validation)}

    def pictures(self, positions: list[int], output: str, fit: int | None = None) -> dict[str, Any]:
        """Examples of the probe that are images, to ``output`` (.npz) by position."""
        live = self._own(self._lives[-1].index if fit is None else fit)
        save_arrays(output, {str(p): image for p, image in pictures_of(live, positions).items()})
        return {}

    def _engines_of(self, fit: int | None) -> Engines:
        live = self._own(self._lives[-1].index if fit is None else fit)
        if live.index not in self._engines:
            self._engines[live.index] = Engines(live)
        return self._engines[live.index]

    def _save(self, outcome: Outcome, output: str) -> dict[str, Any]:
        arrays = {f"weights:{path}": savable(v) for path, v in outcome.weights.items()}
        for number, prediction in enumerate(outcome.predictions or ()):
            arrays[f"prediction:{number}"] = savable(prediction)
        save_arrays(output, arrays)
        return {
            "digests": [tensor_digest(v) for v in outcome.weights.values()],
            "logs": outcome.logs,
            "predicted": outcome.predictions is not None,
        }

    def _again(
        self,
        described: Mapping[str, Mapping[str, Any]],
        name: str,
        pins: Mapping[int, Pins],
        last: int,
    ) -> Live:
        """Run the script of a side again up to the end of training ``last``, pinned."""
        job = described[name].get("job", self._job)
        recording = described[name].get("recording", self._recording)
        return _fit(self._run(job, Path(recording), last, pins), last)

    def _companions(self, live: Live) -> dict[int, Live]:
        return {other.index: other for other in self._lives if other.index in live.companions}

    def _adopted_companions(self, described: Mapping[str, Any], live: Live) -> dict[int, Live]:
        fits = load(described["recording"]).fits
        found = {}
        for folder in Path(described["folder"]).glob("companion-*"):
            index = int(folder.name.split("-")[1])
            like = next((own for own in self._lives if own.index == index), None)
            if like is not None:
                found[index] = unpack(folder, like, fits[index - 1].recipe)
        return found

    def _own(self, fit: int) -> Live:
        return _fit(self._lives, fit)


@dataclass
class _OtherProgram:
    """A side whose arrays are here and whose program is not, yet."""

    name: str
    described: Mapping[str, Any]
    sources: frozenset[str]  # those whose fields are live objects
    refused: str = ""  # why it cannot be loaded, once that was tried

    def wanted(self, choice: Mapping[str, str]) -> bool:
        """Whether a hybrid takes live objects from it."""
        return any(side(choice, source) == self.name for source in self.sources)


def _adopted(described: Mapping[str, Any], like: Live, own_model: bool = False) -> Live:
    """A fit of another process. Only if its script ran here the model of ``like`` is its own."""
    recipe = load(described["recording"]).fits[described["fit"] - 1].recipe
    live = unpack(Path(described["folder"]), like, recipe)
    return live if own_model else replace(live, model=None)


def _fit(lives: Sequence[Live], index: int) -> Live:
    for live in lives:
        if live.index == index:
            return live
    raise WhydiffError(
        f"fit {index} was not watched to its end, so it cannot be trained again",
        "`whydiff record` and `whydiff diff` still compare what was seen of it.",
    )


def _first_line(error: Exception) -> str:
    said = str(error).strip().splitlines()
    return textwrap.shorten(said[0] if said else type(error).__name__, 200, placeholder=" ...")


def _described(result: Result) -> dict[str, Any]:
    return {
        "number": result.replica.number,
        "engine": result.engine,
        "digest": result.digest,
        "logs": [dict(logs) for logs in result.logs],
        "seconds": result.seconds,
        "failure": result.failure,
    }
