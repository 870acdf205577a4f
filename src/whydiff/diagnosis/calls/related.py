"""What the values of two inputs, or of their labels, say beyond that they differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from whydiff.core.calls import MeasuringCall
from whydiff.core.findings import Excluded
from whydiff.diagnosis.calls.verdict import Verdict, named_more
from whydiff.stats.correspondence import factor_in_words

FROM_ZERO = "Number the classes alike in both. Outputs of a model count from 0."
#: Two factors are one if they differ by no more than this part of them.
_ONE = 1e-3


def scaled_within(verdict: Verdict, call: MeasuringCall, factors: Sequence[float]) -> Verdict:
    """The verdict with the layer of the model that does to its inputs what was done to those of
    one side already, where there is one.

    ``factors`` lead from the inputs of A to those of B, one by one.
    """
    found = next(_layers(call, factors), None)
    if found is None:
        return verdict
    layer, scale, side = found
    times = f"multiplies by {factor_in_words(scale)}"
    causes = tuple(
        replace(
            cause,
            detail=f"{cause.detail}; the model's layer {layer} {times} itself, so the inputs of "
            f"{side} are scaled twice",
            remedy=f"The model's layer {layer} {times}: give the model the values as they were, "
            f"without the scaling that {side} has outside of it.",
        )
        if cause.source == "data-content"
        else cause
        for cause in verdict.causes
    )
    return replace(verdict, causes=causes)


#: Correspondences that hold for every row that is looked at; a row that is only nearest to its
#: counterpart does not show that all are in one order.
_ROW_BY_ROW = frozenset(
    {"equal", "padded", "rearranged", "rounded", "shifted", "scaled", "encoded"}
)


def in_one_order(verdict: Verdict, kinds: Sequence[str]) -> Verdict:
    """The verdict without the doubt about the order of inputs that follow from each other row by
    row, as ``kinds`` says of each."""
    if not kinds or not {*kinds} <= _ROW_BY_ROW or {*kinds} == {"equal"}:
        return verdict
    return order_known(verdict)


def order_known(verdict: Verdict) -> Verdict:
    """The verdict without the doubt about the order of inputs."""
    unknown = tuple(one for one in verdict.unknown if one.source != "data-order")
    if len(unknown) == len(verdict.unknown):
        return verdict
    known = Excluded(
        "data-order",
        "as far as they were compared, the inputs of B follow row by row from those of A",
    )
    return replace(verdict, unknown=unknown, excluded=(*verdict.excluded, known))


def with_labels_related(verdict: Verdict, kinds: Sequence[str], texts: Sequence[str]) -> Verdict:
    """The verdict with how the labels of one side follow from the other's, where they do.

    Classes that are counted from 1 on one side are numbered otherwise, no other labels.
    """
    if len(kinds) != 1 or kinds[0] not in ("encoded", "scaled", "shifted", "rounded"):
        return verdict
    numbered = "classes-numbered-otherwise" if kinds[0] == "encoded" else ""
    verdict = named_more(verdict, "data-content", f"of the labels {texts[0]}", numbered)
    if ": B is A" not in texts[0]:
        return verdict
    causes = (
        replace(c, remedy=FROM_ZERO) if c.mechanism == "classes-numbered-otherwise" else c
        for c in verdict.causes
    )
    return replace(verdict, causes=tuple(causes))


def _layers(call: MeasuringCall, factors: Sequence[float]) -> Iterator[tuple[str, float, str]]:
    """Layers of Rescaling with their factor, and the side whose inputs were multiplied by it
    before they came there."""
    facts = call.recipe.architecture
    layers = [str(entry).rpartition(": ") for entry in facts.get("layers") or ()]
    outside = [(side, value) for f in factors if f for side, value in (("B", f), ("A", 1 / f))]
    for path in (path for path, _, kind in layers if kind == "Rescaling"):
        scale = facts.get(f"layer:{path}:scale")
        if isinstance(scale, int | float) and not math.isclose(scale, 1.0):
            alike = (s for s, value in outside if math.isclose(value, scale, rel_tol=_ONE))
            yield from ((path, float(scale), side) for side in alike)
