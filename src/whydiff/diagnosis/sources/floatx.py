"""What follows from another ``floatx``: weights, arrays and rates are held in that type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from whydiff.core.findings import DIFFERS, UNKNOWN, Finding
from whydiff.core.recording import Side
from whydiff.diagnosis.sources.facts import changes
from whydiff.diagnosis.sources.tensors import pair

MECHANISM = "follows-floatx"

#: Types by the digits that they keep, the fewest first.
_COARSEST = ("bfloat16", "float16", "float32", "float64")


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
    coarse = next((t for t in _COARSEST if t in types), "")
    if finding.status != DIFFERS or not apart or not coarse:
        return ""
    numbers = all(isinstance(c.a, float) and isinstance(c.b, float) for c in apart)
    if not numbers or any(_as_held(c.a, coarse) != _as_held(c.b, coarse) for c in apart):
        return ""
    return f"{finding.evidence}: one number, rounded to {types[0]} in A and to {types[1]} in B"


def _as_held(number: float, kind: str) -> float:
    """What a number becomes in a floating-point type."""
    if kind != "bfloat16":
        return float(np.dtype(kind).type(number))
    bits = int(np.float32(number).view(np.uint32))  # its upper half, rounded to even
    upper = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
    return float(np.uint32(upper).view(np.float32))
