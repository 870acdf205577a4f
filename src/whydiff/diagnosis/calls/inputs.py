"""How the inputs of two calls that hold the same samples came to differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whydiff.core.calls import Inputs, MeasuringCall
from whydiff.core.words import listed


def exchanged(a: Inputs, b: Inputs) -> str:
    """Which inputs of a model with several were given each other's arrays, "" where they hold
    other rows."""
    one, other = a.of("x"), b.of("x")
    if len(one) != len(other) or [leaf.path for leaf in one] != [leaf.path for leaf in other]:
        return ""
    theirs = [next((y for y in other if np.array_equal(x.rows, y.rows)), None) for x in one]
    places = [(x, y) for x, y in zip(one, theirs, strict=True) if y is not None]
    moved = [(x.path, y.path) for x, y in places if x.path != y.path]
    if len(places) < len(one) or not moved or len({y.path for _, y in places}) < len(one):
        return ""
    return listed([f"{_input(y)} of B is {_input(x)} of A" for x, y in moved[:4]])


def _input(path: str) -> str:
    return f"input {int(path) + 1}" if path.isdigit() else f"input {path}"


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
    if set(kinds) <= {"equal", "encoded"}:
        return "numbered-otherwise"
    return "values-at-other-places" if "rearranged" in kinds else "input-in-another-form"


def made_anew(kinds: Sequence[str], a: MeasuringCall, b: MeasuringCall) -> bool:
    """Whether two calls passed over one and the same source, which gave them the same labels with
    samples that do not follow from each other."""
    inputs = a.recipe.inputs, b.recipe.inputs
    one, other = (i.rows("y") for i in inputs)
    same = _one_object(*inputs) and inputs[0].facts.get("source") != "arrays"
    return same and not any(kinds) and len(one) > 0 and np.array_equal(one, other)


def changed_in_place(a: MeasuringCall, b: MeasuringCall) -> bool:
    """Whether two calls were given one and the same array, with other values in it."""
    inputs = a.recipe.inputs, b.recipe.inputs
    sources = {i.facts.get("source") for i in inputs}
    return _one_object(*inputs) and sources == {"arrays"} and not exchanged(*inputs)


def _one_object(a: Inputs, b: Inputs) -> bool:
    objects = [i.facts.get("object") for i in (a, b)]
    return objects[0] is not None and objects[0] == objects[1]


def masks(call: MeasuringCall) -> bool:
    """Whether a layer of the model makes a mask."""
    facts = call.recipe.architecture
    layers = [str(entry).rpartition(": ")[2] for entry in facts.get("layers") or ()]
    return "Masking" in layers or any(k.endswith(":mask_zero") and v for k, v in facts.items())
