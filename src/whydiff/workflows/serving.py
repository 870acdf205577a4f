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
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.core.feeding import Untransplantable
from whydiff.core.live import Live
from whydiff.replay.solo import Outcome, Solo
from whydiff.store import load
from whydiff.workflows.parcels import pack, unpack


class Server:
    """``lives`` are this process's own fits; ``run`` executes another script watched."""

    def __init__(self, lives: list[Live], run: Callable[[Mapping[str, Any]], list[Live]]) -> None:
        self._lives, self._run = lives, run
        self._solo: Solo | None = None

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
        nudge: int | None = None,
    ) -> dict[str, Any]:
        """Train one hybrid; weights and predictions go to ``output`` (.npz)."""
        assert self._solo is not None
        started = time.monotonic()
        outcome = self._solo.train(choice, (until[0], until[1]) if until else None, nudge)
        return {
            **self._save(outcome, output),
            "moved": outcome.moved,
            "seconds": time.monotonic() - started,
        }

    def measure(self, side: str) -> dict[str, Any]:
        """The logged training loss of one side taken apart by re-evaluation."""
        assert self._solo is not None
        return {"parts": self._solo.measure(side)}

    def _save(self, outcome: Outcome, output: str) -> dict[str, Any]:
        arrays = {f"weights:{path}": _savable(v) for path, v in outcome.weights.items()}
        for number, prediction in enumerate(outcome.predictions or ()):
            arrays[f"prediction:{number}"] = _savable(prediction)
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


def _savable(array: np.ndarray) -> np.ndarray:
    """Numbers are compared, not bits: bfloat16 and its like go as float32, exactly."""
    return array if array.dtype.kind in "fiub" else array.astype(np.float32)


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
