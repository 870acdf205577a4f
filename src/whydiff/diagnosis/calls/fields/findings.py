"""What the fields of two calls have in common: facts compared, a finding with its remedy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from whydiff.core.calls import MeasuringCall
from whydiff.core.findings import DIFFERS, IDENTICAL, Finding
from whydiff.core.recipe import Recipe
from whydiff.diagnosis.mechanisms import mechanism as known
from whydiff.diagnosis.sources.facts import PlainField, compare_facts
from whydiff.diagnosis.sources.layers import aligned_facts
from whydiff.diagnosis.sources.own_code import across_pythons

REMEDIES: Mapping[str, str] = {
    "data-content": "Bring both inputs to the same form with one function, and look at their "
    "ranges and dtypes.",
    "batch-size": "Use the same batch size, or do not let rows depend on their batch.",
    "measurement": "Compile both with the same metrics, written out as classes.",
    "objective": "Compile both with the same loss.",
    "architecture": "Build both models with the same function, and compare model.summary().",
}


def differs(
    source: str, evidence: str, detail: str = "", mechanism: str = "", intended: bool = False
) -> Finding:
    """A finding that a source differs, with the remedy of its mechanism or of the source."""
    remedy = known(mechanism).remedy if mechanism else REMEDIES.get(source, "")
    return Finding(source, DIFFERS, evidence, detail or evidence, remedy, mechanism, intended)


def recipe_of(call: MeasuringCall) -> Recipe:
    """The recipe of a call for what reads a fit's: facts of layers have the same names."""
    return cast(Recipe, call.recipe)


def compare_settings(name: str, a: MeasuringCall, b: MeasuringCall, what: str) -> Finding:
    """The settings of one source compared by name."""
    one, two = (getattr(c.recipe, name) for c in (a, b))
    if not one and not two:
        return Finding(name, IDENTICAL, f"neither call has {what} of its own")
    one, two = aligned_facts(recipe_of(a), recipe_of(b), one, two)
    if name in ("measurement", "objective") and not a.kind == b.kind == "evaluate":
        return Finding(name, IDENTICAL, "no metric takes part in what is compared")
    found = across_pythons(
        (a.recipe.version, b.recipe.version),
        lambda through: compare_facts(PlainField(name, what=what), through(one), through(two)),
    )
    if found.status != DIFFERS:
        return found
    return differs(name, found.evidence, found.evidence)
