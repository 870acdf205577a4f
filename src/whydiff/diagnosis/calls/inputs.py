"""How the inputs of two calls that hold the same samples came to differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whydiff.core.calls import MeasuringCall


def form_of(kinds: Sequence[str], call: MeasuringCall) -> str:
    """The mechanism by which inputs with these correspondences differ; "" where they hold other
    samples. ``kinds`` are those of :func:`whydiff.stats.correspondence.correspondence`, one per
    input."""
    if not kinds or not all(kinds) or set(kinds) == {"equal"}:
        return ""
    if "padded" in kinds:
        if call.recipe.architecture.get("masks end at"):
            return "mask-ends"
        return "input-in-another-form" if masks(call) else "padding-without-a-mask"
    return "values-at-other-places" if "rearranged" in kinds else "input-in-another-form"


def made_anew(kinds: Sequence[str], a: MeasuringCall, b: MeasuringCall) -> bool:
    """Whether two calls passed over one and the same source, which gave them the same labels with
    samples that do not follow from each other."""
    inputs = a.recipe.inputs, b.recipe.inputs
    objects = [i.facts.get("object") for i in inputs]
    one, other = (i.rows("y") for i in inputs)
    same = objects[0] is not None and objects[0] == objects[1]
    return same and not any(kinds) and len(one) > 0 and np.array_equal(one, other)


def masks(call: MeasuringCall) -> bool:
    """Whether a layer of the model makes a mask."""
    facts = call.recipe.architecture
    layers = [str(entry).rpartition(": ")[2] for entry in facts.get("layers") or ()]
    return "Masking" in layers or any(k.endswith(":mask_zero") and v for k, v in facts.items())
