"""Values besides the weights that two calls use: attributes, globals, states, vocabularies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from whydiff.core.calls import HeldValue, MeasuringCall
from whydiff.core.findings import IDENTICAL, Finding
from whydiff.core.words import count, listed
from whydiff.diagnosis.calls.fields.findings import differs
from whydiff.diagnosis.calls.origins import LEFT_BEHIND, is_recurrent

#: Kind of a held value that is an attribute which the facts of the architecture name, too.
SETTING = "setting"
RECURRENT = "recurrent state"


def held_values(a: MeasuringCall, b: MeasuringCall) -> dict[str, list[HeldValue]]:
    """Values of A that differ from B's or are stale, by the source that they belong to.

    A recurrent state is a variable, and compared among these where they were recorded.
    """
    theirs = {h.name: h for h in b.recipe.state}
    among_weights = any(is_recurrent(tensor.path) for tensor in a.recipe.weights)
    found: dict[str, list[HeldValue]] = {}
    for h in a.recipe.state:
        other = theirs.get(h.name)
        if (
            (h.kind == RECURRENT and among_weights)
            or other is None
            or (_effective(h) == _effective(other) and h.digest == other.digest)
        ):
            continue
        found.setdefault(_source_of(h, other), []).append(h)
    return found


def _statistic(h: HeldValue) -> bool:
    """Whether it is what a Normalization computes with."""
    return h.name.rpartition("/")[2] in ("mean", "variance", "invert")


def _effective(h: HeldValue) -> str:
    return h.traced or h.digest


def _source_of(h: HeldValue, other: HeldValue) -> str:
    if h.stale or other.stale:
        return "state"
    if h.kind in ("global", "closure"):
        return "architecture"
    if h.kind == SETTING:
        return SETTING
    return "data-content" if h.kind == "vocabulary" else "state"


def values_in_words(values: Sequence[HeldValue], b: MeasuringCall) -> str:
    """The first values with their counterparts in B."""
    theirs = {h.name: h for h in b.recipe.state}
    parts = []
    for h in values[:3]:
        other = theirs[h.name]
        one, two = (_value(v) for v in (h, other))
        parts.append(f"{h.name}: {one} vs. {two}" if one != two else f"{h.name} differs")
    return "; ".join(parts)


def _value(h: HeldValue) -> str:
    value = h.traced_value if h.stale else h.value
    shown = "" if value is None else str(value)
    return shown if len(shown) <= 40 else shown[:39] + "…"


def compare_state(
    found: dict[str, Finding],
    a: MeasuringCall,
    b: MeasuringCall,
    held: Mapping[str, Sequence[HeldValue]],
) -> None:
    """A finding on the values that belong to ``state`` into ``found``."""
    values = held.get("state", ())
    adapted_again = "state" in found and found["state"].mechanism == "adapted-again"
    if values:
        theirs = {h.name: h for h in b.recipe.state}
        stale = [h.name for h in values if h.stale or theirs[h.name].stale]
        text = values_in_words(values, b)
        mechanism = "other-constant"
        if stale:
            adapted = all(h.kind == "vocabulary" or _statistic(h) for h in values)
            mechanism = "adapted-after-compiling" if adapted else "stale-trace"
            text = f"{listed(stale)}: the compiled function was traced with an older value ({text})"
        elif adapted_again:
            mechanism = "adapted-again"
            text = f"{found['state'].detail}; {text}"
        elif any(_statistic(h) for h in values):
            mechanism = "not-finalized"
        elif all(h.kind == RECURRENT for h in values):
            mechanism = "recurrent-state"
            layers = listed(list(dict.fromkeys(h.layer for h in values)))
            text = f"{layers}: {LEFT_BEHIND}"
        found["state"] = differs("state", text, text, mechanism)
    elif "state" not in found:
        n = len(a.recipe.state)
        equal = f"{count(n, 'value')} besides the weights equal" if n else (
            "nothing besides the weights is held"
        )  # fmt: skip
        found["state"] = Finding("state", IDENTICAL, equal)
