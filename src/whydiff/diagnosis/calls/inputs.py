"""How the inputs of two calls that hold the same samples came to differ."""

from __future__ import annotations

from collections.abc import Sequence

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
    return "input-in-another-form"


def masks(call: MeasuringCall) -> bool:
    """Whether a layer of the model makes a mask."""
    facts = call.recipe.architecture
    layers = [str(entry).rpartition(": ")[2] for entry in facts.get("layers") or ()]
    return "Masking" in layers or any(k.endswith(":mask_zero") and v for k, v in facts.items())
