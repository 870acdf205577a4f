"""The measurement: the same model judged by another rule."""

from __future__ import annotations

import re

from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recipe import Facts
from whydiff.core.recording import Side
from whydiff.diagnosis.sources.facts import compare_facts
from whydiff.diagnosis.sources.source import Source, differs

ID = "measurement"
FIX = "Measure both with the same metric classes on the same data: evaluate against evaluate."

_ACCURACY = re.compile(r"\b(?:Binary|Categorical|SparseCategorical)?Accuracy\b", re.IGNORECASE)


def compare(a: Side, b: Side) -> Finding:
    """Compare metrics and validation settings; the validation samples are data."""
    one, two = a.recipe.measurement, b.recipe.measurement
    finding = compare_facts(
        ID,
        one,
        two,
        FIX,
        what="measuring rules",
        skip=lambda key: key == "validation",
        nothing="no metrics in either",
        intended=True,
    )
    validated = [_validated(side) for side in (a, b)]
    if finding.status == DIFFERS:
        mechanism = "accuracy-resolves" if _accuracies(one) != _accuracies(two) else ""
        return differs(ID, finding.evidence, FIX, mechanism=mechanism, intended=True)
    if validated[0] != validated[1]:
        return differs(ID, f"validated in {'A' if validated[0] else 'B'} only", FIX, intended=True)
    return finding


def _validated(side: Side) -> bool:
    return bool(side.recipe.data_content.validation or side.recipe.measurement.get("validation"))


def _accuracies(facts: Facts) -> set[str]:
    text = f"{facts.get('metrics')} {facts.get('weighted_metrics')}"
    found = {name.lower() for name in _ACCURACY.findall(text.replace("_", ""))}
    # Without any accuracy on one side it is another metric, not another reading of the same one.
    return found or {"accuracy"}


SOURCE = Source(
    id=ID,
    title="how the result is measured",
    random=False,
    kind="structure",
    compare=compare,
    says=(
        "The rule by which a result is measured: metrics, how they are averaged, how often "
        "and on what is validated. The validation samples themselves are data."
    ),
    carried=(
        "No: it changes no weight, so there is nothing to train. It is confirmed where the "
        "trained weights agree and only the logged numbers differ."
    ),
    looks_like="Equal weights, other numbers in the log.",
    fix=FIX,
)
