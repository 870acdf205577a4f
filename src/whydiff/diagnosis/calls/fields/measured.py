"""How two calls are measured and computed: metrics, sample weights, eager or compiled."""

from __future__ import annotations

import numpy as np

from whydiff.core.calls import MeasuringCall
from whydiff.core.findings import DIFFERS, IDENTICAL, Finding
from whydiff.diagnosis.calls.fields.findings import compare_settings, differs
from whydiff.diagnosis.sources.facts import changes, describe


def weighted_otherwise(a: MeasuringCall, b: MeasuringCall) -> bool:
    """Whether both evaluate, with other sample weights."""
    if a.kind != "evaluate" or b.kind != "evaluate":
        return False
    one, two = (c.recipe.inputs.rows("weight") for c in (a, b))
    return not np.array_equal(one, two)


def compiled_otherwise(a: MeasuringCall, b: MeasuringCall) -> bool:
    """Whether both evaluate, with other metrics."""
    both = a.kind == "evaluate" == b.kind
    return both and compare_settings("measurement", a, b, "settings").status == DIFFERS


def compare_weighting(a: MeasuringCall, b: MeasuringCall, before: Finding) -> Finding:
    """Sample weights that only one call has, or that differ."""
    given = [len(c.recipe.inputs.rows("weight")) > 0 for c in (a, b)]
    text = (
        "other sample weights"
        if all(given)
        else f"{'A' if given[0] else 'B'} weights the samples, the other counts each once"
    )
    if before.status == DIFFERS:
        text = f"{text}; {before.evidence}"
    return differs("measurement", text, text, "sample-weights-in-one")


def compare_arithmetic(a: MeasuringCall, b: MeasuringCall) -> Finding:
    """How the calls are computed: eagerly or compiled, and with which settings."""
    ways = [_compiled(c) for c in (a, b)]
    settings = [dict(c.recipe.arithmetic) for c in (a, b)]
    if ways[0] != ways[1]:
        return differs("arithmetic", f"{ways[0]} vs. {ways[1]}",
                        f"computed {ways[0]} vs. {ways[1]}", "eager-or-compiled")  # fmt: skip
    if settings[0] != settings[1]:
        return differs("arithmetic", describe(changes(settings[0], settings[1]), 3))
    return Finding("arithmetic", IDENTICAL, f"computed {ways[0]} in both")


def _compiled(call: MeasuringCall) -> str:
    eager = call.recipe.mode.get("eager")
    if eager is None:
        eager = call.kind in ("call", "built")
    return "operation by operation" if eager else "as one compiled function"
