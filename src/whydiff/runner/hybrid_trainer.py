"""The processes that hold two live fits, asked for hybrids of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.hybrids import Coalition, TrainedHybrid
from whydiff.core.recipe import SOURCE_IDS
from whydiff.runner.client import Requestable


class ProcessHybridTrainer:
    """The processes that hold live fits: one, or one per side of two runs.

    ``together`` are sources that change as one, and whoever takes them from B trains in B's
    process: those of the environment where these differ, else those of the compiled program.
    """

    def __init__(
        self,
        sites: Mapping[str, Requestable],
        folder: Path,
        together: frozenset[str],
        how: str = "",
        follows: Mapping[str, str] | None = None,
    ) -> None:
        self._sites, self._folder = sites, folder
        self.how = how
        self._together = together
        self._follows = dict(follows or {})  # source -> what comes along with it
        self._bound: frozenset[str] = frozenset()
        self._count = 0

    def bind(self, sources: Sequence[str]) -> None:
        """Carry these over only together: whoever takes one of them from B takes all."""
        self._bound = frozenset(sources)

    def site(self, coalition: Coalition) -> Requestable:
        other = bool(self._together) and self._together <= coalition
        return self._sites["b" if other and "b" in self._sites else "a"]

    def train(
        self,
        coalition: Coalition,
        until: tuple[int, int] | None = None,
        moments: Sequence[Sequence[int]] = (),
        nudge: int | None = None,
    ) -> TrainedHybrid:
        """Train the hybrid that takes the sources of ``coalition`` from B.

        With ``until`` only up to that (epoch, step): what it was then, without predictions.
        ``moments`` on the way are kept, see ``workflows.tracing``. With ``nudge`` it starts from
        initial weights of which one, picked by that number, is an ULP away.
        """
        output = self._output()
        if coalition & self._bound:
            coalition |= self._bound
        coalition |= {self._follows[source] for source in coalition if source in self._follows}
        folder = output.with_suffix("") if moments else None
        choice = dict.fromkeys(coalition, "b")
        answer = self.site(coalition).request(
            "train",
            choice=choice,
            output=str(output),
            until=until,
            moments=moments,
            trace=str(folder or ""),
            nudge=nudge,
        )
        kept = folder if folder is not None and folder.exists() else None
        return replace(_read(answer, output), trace=kept)

    def recall(self, side: str) -> TrainedHybrid:
        output = self._output()
        answer = self._site_of(side).request("recall", side=side, output=str(output))
        return _read(answer, output)

    def pictures(self, positions: Sequence[int], fit: int) -> dict[str, np.ndarray]:
        """Predicted examples as images by position, {} where they are none."""
        output = self._output()
        self._sites["a"].request("pictures", positions=list(positions), output=str(output), fit=fit)
        with np.load(output, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}

    def measure(self, side: str) -> dict[str, float] | None:
        """The last logged training loss against the evaluated one; None where it is not known."""
        parts: dict[str, float] | None = self._site_of(side).request("measure", side=side)["parts"]
        return parts

    def look(
        self, side: str, moment: tuple[int, int], count: int, given: Path | None = None
    ) -> tuple[Path, list[str]]:
        """One step of a side tensor by tensor, and ``count`` steps on: a file, and what to note.

        With ``given``, such a file of the other side, the step starts from the inputs there.
        """
        output = self._folder / f"look-{side}.safetensors"
        answer = self._site_of(side).request(
            "look",
            choice=dict.fromkeys(SOURCE_IDS, side),
            moment=list(moment),
            count=count,
            output=str(output),
            given=str(given or ""),
        )
        return output, answer["notes"]

    def _site_of(self, side: str) -> Requestable:
        return self._sites.get(side, self._sites["a"])

    def _output(self) -> Path:
        self._count += 1
        return self._folder / f"outcome{self._count}.npz"


def _read(answer: Mapping[str, Any], path: Path) -> TrainedHybrid:
    with np.load(path, allow_pickle=False) as stored:
        weights = {k[8:]: stored[k] for k in stored.files if k.startswith("weights:")}
        predictions = [stored[k] for k in stored.files if k.startswith("prediction:")]
    path.unlink()
    return TrainedHybrid(
        tuple(answer["digests"]),
        predictions if answer["predicted"] else None,
        weights,
        answer["logs"],
        answer.get("seconds", 0.0),
        answer.get("moved", 0.0),
    )
