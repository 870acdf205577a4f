"""Measuring calls made of plain values, for tests of what is decided about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from whydiff.core.call_hybrids import Measurement
from whydiff.core.calls import (
    CallRecipe,
    Event,
    HeldValue,
    Inputs,
    Leaf,
    MeasuringCall,
    Origin,
    Output,
    Score,
)
from whydiff.core.digests import row_digests, tensor_digest
from whydiff.core.feeding import TransferError
from whydiff.core.hybrids import Coalition
from whydiff.core.recipe import Tensor
from whydiff.core.recording import Execution, Fit
from whydiff.core.stack import Frame

X = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
KERNEL = np.random.default_rng(1).normal(size=(3, 1)).astype("float32")
DENSE = {"model": "Sequential", "layers": ["dense: Dense"], "layer:dense:units": 1}


def drawn(seed: int | None = 1, line: int = 8) -> Origin:
    """An origin: drawn by an initializer."""
    return Origin(f"drawn with seed {seed} at line {line}", "drawn", seed=seed, line=line)


def call(
    number: int,
    kind: str = "predict",
    *,
    line: int = 0,
    model: int = 1,
    x: np.ndarray = X,
    y: np.ndarray | None = None,
    kernel: np.ndarray = KERNEL,
    origin: Origin | None = None,
    outputs: np.ndarray | None = None,
    values: Mapping[str, float] | None = None,
    mode: Mapping[str, Any] | None = None,
    architecture: Mapping[str, Any] | None = None,
    state: Sequence[HeldValue] = (),
    noise: str = "",
    batches: Sequence[int] = (),
    score: Score | None = None,
    **facts: Any,
) -> MeasuringCall:
    """A call of ``x @ kernel`` with one weight, unless told otherwise."""
    leaves = [Leaf("x", "", str(x.dtype), x.shape[1:], row_digests([x]))]
    if y is not None:
        leaves.append(Leaf("y", "", str(y.dtype), y.shape[1:], row_digests([y])))
    out = x.reshape(len(x), -1) @ kernel if outputs is None else outputs
    measured = kind in ("predict", "call")
    return MeasuringCall(
        number,
        kind,
        f"Sequential 'sequential_{model}'",
        model,
        (Frame("train.py", line or number, "<module>", f"{kind}(x)"),),
        CallRecipe(
            weights=(
                Tensor("dense/kernel", "trainable", kernel.shape, "float32", tensor_digest(kernel)),
            ),
            origins=(origin or drawn(),),
            noise=(Tensor("dropout/seed", "seed", (2,), "uint32", noise),) if noise else (),
            inputs=Inputs(tuple(leaves), np.array(batches or [len(x)], np.int64)),
            state=tuple(state),
            architecture=DENSE if architecture is None else architecture,
            mode={"training": None, "eager": kind == "call", **(mode or {})},
            **facts,
        ),
        (Output("", str(out.dtype), out.shape, row_digests([out]), out),) if measured else (),
        dict(values or {}),
        score=score,
    )


def execution(
    *calls: MeasuringCall,
    fits: Sequence[Fit] = (),
    events: Sequence[Event] = (),
    surroundings: Mapping[str, str] | None = None,
) -> Execution:
    """An execution that made these calls."""
    return Execution(
        "train.py", (), "2026-01-01T00:00:00", 0, dict(surroundings or {}), tuple(fits), (), "",
        calls, tuple(events),
    )  # fmt: skip


@dataclass
class Linear:
    """Runs hybrids of ``sum of effects``: outputs move by what each source of B adds.

    ``effects`` are arrays added to A's outputs; ``refused`` sources cannot be swapped;
    ``lost`` is what B holds besides all that is recorded.
    """

    a: np.ndarray
    effects: Mapping[str, np.ndarray]
    refused: Mapping[str, str] = field(default_factory=dict)
    lost: np.ndarray | float = 0.0
    shaky: bool = False
    runs: int = 0

    def measure(self, coalition: Coalition) -> Measurement:
        """A's outputs and the effects of these sources."""
        self.runs += 1
        for source in coalition:
            if source in self.refused:
                raise TransferError(self.refused[source])
        total = self.a.copy()
        for source in sorted(coalition):
            total = total + self.effects.get(source, np.float32(0.0))
        return Measurement((total.astype("float32"),))

    def again(self, side: str) -> Measurement:
        """A, or B with all effects and what is lost."""
        noise = np.float32(self.runs + 1) if self.shaky else np.float32(0)
        if side == "a":
            return Measurement(((self.a + noise).astype("float32"),))
        (full,) = self.measure(frozenset(self.effects)).outputs
        return Measurement(((full + np.float32(self.lost)).astype("float32"),))
