"""The measurement: the same model judged by another rule."""

from __future__ import annotations

import re
from typing import Any

from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recipe import NOT_RESET, Facts
from whydiff.core.recording import Side
from whydiff.core.words import listed
from whydiff.diagnosis.sources.data_content import validation_differs
from whydiff.diagnosis.sources.facts import (
    NOT_SET,
    PlainField,
    changes,
    compare_facts,
    same_but_code,
    show,
)
from whydiff.diagnosis.sources.source import Source, differs

ID = "measurement"
#: begins the facts on what a metric holds before the first step
STATE = "metric:"
#: begins the facts on what a metric reads from outside
READ = "layer:the metric "
FIX = "Measure both with the same metric classes on the same data: evaluate against evaluate."

OTHER_BATCHES = (
    "validated on the same samples in other batches, over which the means are taken in another "
    "order"
)

_ACCURACY = re.compile(r"\b(?:Binary|Categorical|SparseCategorical)?Accuracy\b", re.IGNORECASE)


def compare(a: Side, b: Side) -> Finding:
    """Compare metrics and validation settings; the validation samples are data."""
    one, two = a.recipe.measurement, b.recipe.measurement
    nothing = "no metrics in either"
    field = PlainField(ID, FIX, what="measuring rules", nothing=nothing, intended=True)
    read = any(c.key.startswith(READ) for c in changes(one, two))

    def skip(key: str) -> bool:
        # The code of a metric is known by what it reads, too: where that differs it says more.
        known = read and same_but_code(one.get(key), two.get(key))
        return known or key in ("validation", NOT_RESET)

    finding = compare_facts(field, one, two, skip)
    validated = [_validated(side) for side in (a, b)]
    kept = _kept(one, two)
    if kept:
        return differs(ID, kept, FIX, mechanism="metric-not-reset")
    counting = _counting(one, two)
    if counting:
        also = f"; {finding.evidence}" if finding.status == DIFFERS else ""
        return differs(ID, counting + also, FIX, detail=counting, mechanism="metric-not-reset")
    if finding.status == DIFFERS:
        mechanism = "accuracy-resolves" if _accuracies(one) != _accuracies(two) else ""
        return differs(ID, finding.evidence, FIX, mechanism=mechanism, intended=True)
    if validated[0] != validated[1]:
        return differs(ID, f"validated in {'A' if validated[0] else 'B'} only", FIX, intended=True)
    digests = {side.recipe.data_content.validation for side in (a, b)}
    if len(digests) > 1 and all(digests) and not validation_differs(a, b):
        return differs(ID, OTHER_BATCHES, FIX, intended=True)
    return finding


def _kept(one: Facts, two: Facts) -> str:
    """Says so where a metric begins with other values than in the other training, and only that."""
    changed = changes(one, two, skip=lambda key: key in ("validation", NOT_RESET))
    if not changed or not all(c.key.startswith(STATE) for c in changed):
        return ""
    values = ", ".join(
        f"{c.key.removeprefix(STATE)} is {_begins(c.a)} in A and {_begins(c.b)} in B"
        for c in changed[:2]
    )
    return f"a metric begins with what it counted before: {values}"


def _counting(one: Facts, two: Facts) -> str:
    """Says so where a metric of one side goes on counting from epoch to epoch."""
    names: list[set[str]] = [set(side.get(NOT_RESET) or ()) for side in (one, two)]
    said = [
        f"in {side} {listed(sorted(mine - other))} begins every epoch with what the epochs before "
        "have counted: reset_state() does not set it back"
        for side, mine, other in (("A", names[0], names[1]), ("B", names[1], names[0]))
        if mine - other
    ]
    return "; ".join(said)


def _begins(value: Any) -> str:
    return "0" if value is NOT_SET else show(value)


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
