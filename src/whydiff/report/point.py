"""The first point of divergence as one phrase."""

from __future__ import annotations

from whydiff.core.findings import Divergence
from whydiff.core.words import number

#: more units in the last place than this are other numbers, not rounding: only the size is told
MANY_ULP = 2**20

#: what has been found unequal at each phase
_PHASES: dict[str, str] = {
    "before training": "before the first step",
    "batch": "in the batch that was fed",
    "noise": "in the random numbers drawn",
    "forward": "in the forward pass",
    "gradient": "in the gradients",
    "update": "in the weight update",
    "log": "in the logged numbers only",
    "end": "at the end of training only",
    "weights": "in the weights",
    "output": "in the outputs",
    "metric": "in the number itself",
}
#: what a step is said to differ in where its batch does: the phase says it already
_ALL_OF_IT = "the batch"


def point(divergence: Divergence | None, measuring: bool = False) -> str:
    """``epoch 1, step 3, in the weight update, at dense/kernel (relative 0.1, 12 ULP)``.

    Epochs and steps count from 1, as Keras prints them; the JSON counts from 0. A call that is
    ``measuring`` has neither.
    """
    if divergence is None:
        return "not found"
    phase = _PHASES.get(divergence.phase, divergence.phase)
    parts = [phase]
    if not measuring and divergence.phase not in ("before training", "end"):
        parts = [f"epoch {divergence.epoch + 1}, step {divergence.step + 1}", phase]
    if divergence.where and divergence.where != _ALL_OF_IT:
        parts.append(f"at {divergence.where}")
    sizes = []
    if divergence.relative is not None:
        sizes.append(f"relative {number(float(divergence.relative))}")
    if divergence.max_ulp is not None and divergence.max_ulp < MANY_ULP:
        sizes.append(f"up to {divergence.max_ulp} ULP")
    return ", ".join(parts) + (f" ({', '.join(sizes)})" if sizes else "")
