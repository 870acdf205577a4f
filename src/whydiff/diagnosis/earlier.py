"""Calls before the compared ones: what they left is a consequence of their causes."""

from __future__ import annotations

from collections.abc import Sequence

from whydiff.core.findings import DIFFERS, Cause
from whydiff.core.recording import Fit, Side
from whydiff.core.words import listed
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.divergence import identical
from whydiff.diagnosis.sources import compare_all


def without_consequences(
    compared: ComparedSides, causes: Sequence[Cause]
) -> tuple[list[Cause], list[str]]:
    """``causes`` without a state that an earlier differing call left, and a note on each.

    In two runs (or two scripts) fit 2 starts from what fit 1 left. Where fit 1 itself
    differs by a source that is a cause here as well, that one source is the cause of both.
    """
    state = next((c for c in causes if c.source == "state"), None)
    pair = _left_by(compared) if state is not None else None
    if state is None or pair is None:
        return list(causes), []
    a, b = pair
    why = [f.source for f in compare_all(a, b) if f.status == DIFFERS and f.source != "measurement"]
    shared = [c.source for c in causes if c.source in why]
    asked = f"--fits {a.fit.index},{b.fit.index} explains that one"
    if shared:
        note = (
            f"Both start from what fit {a.fit.index} left, which differs because of "
            f"{listed(shared)}, too: what an earlier fit left behind is a consequence of that, "
            f"not a cause beside it; {asked}."
        )
        return [c for c in causes if c.source != "state"], [note]
    because = f" in {listed(why)}" if why else ""
    return list(causes), [
        f"What differs here was left by fit {a.fit.index}, which itself differs{because}: {asked}."
    ]


def _left_by(compared: ComparedSides) -> tuple[Side, Side] | None:
    """The earlier fits whose results the two start from, if these fits differ themselves."""
    if compared.between == "fits":
        return None
    sides = (compared.a, compared.b)
    earlier = [_trained_by(side) for side in sides]
    if earlier[0] is None or earlier[1] is None or identical(earlier[0], earlier[1]):
        return None
    a, b = (Side(side.execution, fit) for side, fit in zip(sides, earlier, strict=True) if fit)
    return a, b


def _trained_by(side: Side) -> Fit | None:
    recipe = side.recipe
    tensors = (*recipe.initialization, *recipe.state, *recipe.noise)
    indices = {t.trained_by for t in tensors if t.trained_by is not None}
    return next((f for f in side.execution.fits if f.index == min(indices, default=None)), None)
