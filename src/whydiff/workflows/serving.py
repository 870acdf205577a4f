"""The other half of a child's life: after its script it trains hybrids on request.

Requests and answers are JSON, a line each. Arrays go through files in a folder that the parent
owns. Every request is answered; trouble is answered as ``{"error": ..., "why": ...}``.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.core.feeding import Untransplantable
from whydiff.core.live import Live
from whydiff.core.replicas import Replica, Result
from whydiff.replay.engines import Engines
from whydiff.replay.probe import pictures_of, targets_of
from whydiff.replay.solo import Outcome, Solo
from whydiff.store import load
from whydiff.workflows.parcels import pack, unpack
from whydiff.workflows.tracing import Keeper, savable


class Server:
    """``lives`` are this process's own fits; ``run`` executes another script watched."""

    def __init__(self, lives: list[Live], run: Callable[[Mapping[str, Any]], list[Live]]) -> None:
        self._lives, self._run = lives, run
        self._solo: Solo | None = None
        self._engines: dict[int, Engines] = {}

    def pack(self, fit: int, folder: str) -> dict[str, Any]:
        """Write the material of one fit where another process can read it."""
        pack(self._own(fit), Path(folder))
        return {}

    def pair(
        self, a: Mapping[str, Any], b: Mapping[str, Any], differing: list[str]
    ) -> dict[str, Any]:
        """Name the two fits to make hybrids of.

        A side is ``{"fit": 2}`` for a fit of this process, or ``{"folder": ..., "recording":
        ..., "fit": 1}`` for one of another, with ``"job"`` where its script has to run here,
        too, because its model, loss or optimizer differ.
        """
        described = {"a": a, "b": b}
        own = {n: self._own(d["fit"]) for n, d in described.items() if "folder" not in d}
        like = next(iter(own.values()), None)
        adopted = {n: self._adopt(d, like) for n, d in described.items() if "folder" in d}
        self._solo = Solo({**own, **adopted}, frozenset(differing))
        return {}

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
    ) -> dict[str, Any]:
        """Train one hybrid; weights and predictions go to ``output`` (.npz).

        The ``moments`` (epoch, step, whether with weights) on the way go to the folder ``trace``.
        """
        assert self._solo is not None
        started = time.monotonic()
        keeper = Keeper()
        outcome = self._solo.train(
            choice,
            (until[0], until[1]) if until else None,
            {(epoch, step): bool(weighed) for epoch, step, weighed in moments},
            keeper,
        )
        if trace:
            keeper.write(Path(trace))
        answer = self._save(outcome, output)
        return {**answer, "seconds": time.monotonic() - started}

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
    ) -> dict[str, Any]:
        """Train replicas; arrays go to ``output`` (.npz) as ``prediction:NUMBER:OUTPUT`` and
        ``weights:NUMBER:PATH``. A replica that fails says so in its ``failure``."""
        wanted = [
            Replica(int(r["number"]), r.get("seeds", {}), r.get("settings", {})) for r in replicas
        ]
        results, notes = self._engines_of(fit).train(wanted, engine, keep_weights)
        arrays: dict[str, np.ndarray] = {}
        for result in results:
            number = result.replica.number
            for k, prediction in enumerate(result.predictions or ()):
                arrays[f"prediction:{number}:{k}"] = savable(prediction)
            for path, value in (result.weights or {}).items():
                arrays[f"weights:{number}:{path}"] = savable(value)
        np.savez(output, **arrays)
        return {"results": [_described(result) for result in results], "notes": notes}

    def streams(self, replicas: list[Mapping[str, Any]], fit: int | None = None) -> dict[str, Any]:
        """For each replica a digest by source of what its seeds decide; nothing is trained."""
        engines = self._engines_of(fit)
        wanted = [Replica(int(r["number"]), r.get("seeds", {})) for r in replicas]
        return {"streams": [engines.streams(replica) for replica in wanted]}

    def probe(self, output: str, fit: int | None = None) -> dict[str, Any]:
        """What predictions on the probe should be, to ``output`` (.npz) as ``target:NUMBER``."""
        live = self._own(self._lives[-1].index if fit is None else fit)
        targets = targets_of(live)
        np.savez(output, **{f"target:{k}": savable(target) for k, target in enumerate(targets)})
        return {"validation": bool(live.material.validation)}

    def pictures(self, positions: list[int], output: str, fit: int | None = None) -> dict[str, Any]:
        """Examples of the probe that are images, to ``output`` (.npz) by position."""
        live = self._own(self._lives[-1].index if fit is None else fit)
        np.savez(output, **{str(p): image for p, image in pictures_of(live, positions).items()})
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
        np.savez(output, **arrays)
        return {
            "digests": [tensor_digest(v) for v in outcome.weights.values()],
            "logs": outcome.logs,
            "predicted": outcome.predictions is not None,
        }

    def _own(self, fit: int) -> Live:
        return next(live for live in self._lives if live.index == fit)

    def _adopt(self, described: Mapping[str, Any], like: Live | None) -> Live:
        recipe = load(described["recording"]).fits[described["fit"] - 1].recipe
        if "job" in described:
            with contextlib.redirect_stdout(io.StringIO()):
                lives = self._run(described["job"])
            like = next(live for live in lives if live.index == described["fit"])
            return unpack(Path(described["folder"]), like, recipe)
        assert like is not None
        return replace(unpack(Path(described["folder"]), like, recipe), model=None)


def _described(result: Result) -> dict[str, Any]:
    return {
        "number": result.replica.number,
        "engine": result.engine,
        "digest": result.digest,
        "logs": [dict(logs) for logs in result.logs],
        "seconds": result.seconds,
        "failure": result.failure,
    }


def serve(server: Server, requests: int, answers: int) -> None:
    """Answer requests from one file descriptor on another until it is closed."""
    with os.fdopen(requests) as source, os.fdopen(answers, "w") as sink:
        for line in source:
            request = json.loads(line)
            method = getattr(server, request.pop("do"))
            try:
                answer = method(**request)
            except Untransplantable as reason:
                answer = {"error": "untransplantable", "why": str(reason)}
            except Exception as error:
                answer = {
                    "error": "failed",
                    "why": f"{type(error).__name__}: {error}",
                    "trace": traceback.format_exc(),
                }
            sink.write(json.dumps(answer) + "\n")
            sink.flush()


__all__ = ["Outcome", "Server", "serve"]
