"""What follows from another ``floatx``: weights, arrays and rates are held in that type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from whydiff.core.findings import DIFFERS, UNKNOWN, Finding
from whydiff.core.recording import Side
from whydiff.diagnosis.sources.facts import changes
from whydiff.diagnosis.sources.tensors import pair

MECHANISM = "follows-floatx"

#: How far apart a number and what it becomes in a type may be, relative to the number.
_COARSENESS = {"float16": 2**-10, "bfloat16": 2**-7, "float32": 2**-22, "float64": 2**-51}


def with_followers(found: Sequence[Finding], a: Side, b: Side) -> list[Finding]:
    """Findings of two sides; those that another ``floatx`` brings about name it as mechanism."""
    types = [str(side.recipe.precision.get("floatx", "")) for side in (a, b)]
    if types[0] == types[1] or not all(types):
        return list(found)
    follows = {
        "initialization": _recast,
        "data-content": _arrays_cast,
        "optimizer": _rates_rounded,
    }
    return [
        replace(f, status=DIFFERS, evidence=text, detail=text, mechanism=MECHANISM, intended=False)
        if f.source in follows and (text := follows[f.source](f, a, b, types))
        else f
        for f in found
    ]


def _recast(finding: Finding, a: Side, b: Side, types: Sequence[str]) -> str:
    weights = [[t for t in s.recipe.initialization if t.role != "hidden"] for s in (a, b)]
    pairs = pair(*weights)
    if finding.status != UNKNOWN or not pairs.recast:
        return ""
    return f"the weights are drawn and held as {types[0]} in A and as {types[1]} in B"


def _arrays_cast(finding: Finding, a: Side, b: Side, types: Sequence[str]) -> str:
    one, two = (side.recipe.data_content.signature for side in (a, b))
    cast = [entry.replace(types[0], types[1]) for entry in one]
    if finding.status != DIFFERS or one == two or cast != list(two):
        return ""
    return f"the arrays are cast to {types[0]} in A and to {types[1]} in B"


def _rates_rounded(finding: Finding, a: Side, b: Side, types: Sequence[str]) -> str:
    apart = changes(a.recipe.optimizer, b.recipe.optimizer, skip=lambda k: k.endswith("name"))
    coarse = max(_COARSENESS.get(t, 0.0) for t in types)
    rounded = all(
        isinstance(c.a, float) and isinstance(c.b, float) and abs(c.a - c.b) <= coarse * abs(c.a)
        for c in apart
    )
    if finding.status != DIFFERS or not apart or not rounded:
        return ""
    return f"{finding.evidence}: one number, rounded to {types[0]} in A and to {types[1]} in B"
