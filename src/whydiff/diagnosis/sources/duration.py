"""The duration: epochs asked for, and callbacks that may stop earlier."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from whydiff.core.findings import DIFFERS, UNKNOWN, Finding
from whydiff.core.recording import Side
from whydiff.diagnosis.sources.facts import PlainField, compare_facts, equal, show
from whydiff.diagnosis.sources.source import Source, differs, identical, unknown
from whydiff.diagnosis.sources.stale import callbacks_apart

ID = "duration"
FIX = "Use the same epochs=, initial_epoch= and stopping callbacks in both."

_LIMITS = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH")


def compare(a: Side, b: Side) -> Finding:
    """Compare what was asked for; how long it took is a consequence where that is equal."""
    one, two = a.recipe.duration, b.recipe.duration
    field = PlainField(ID, FIX, first=("epochs", "initial_epoch"), intended=True)
    finding = compare_facts(field, one, two)
    limits = [n for n in _LIMITS if not equal(_environment(a, n), _environment(b, n))]
    if limits:
        name = limits[0]
        evidence = f"{name}: {show(_environment(a, name))} vs. {show(_environment(b, name))}"
        return differs(ID, evidence, FIX, mechanism="keras-json")
    kept = callbacks_apart(a, b, one, two) if finding.status == DIFFERS else ""
    if kept and _only_callbacks(a, b):
        return differs(ID, finding.evidence, FIX, detail=kept, mechanism="callback-goes-on")
    if finding.status == DIFFERS:
        mechanism = "early-stopping" if _only_callbacks(a, b) else ""
        mechanism = "best-weights-kept" if _only_restoring(one, two) else mechanism
        return differs(ID, finding.evidence, FIX, mechanism=mechanism, intended=True)
    if not a.fit.finished or not b.fit.finished:
        names = [n for n, side in (("A", a), ("B", b)) if not side.fit.finished]
        return unknown(ID, f"{' and '.join(names)} did not finish; equal settings as far as seen")
    if finding.status == UNKNOWN:
        return finding
    count_a, count_b = len(a.fit.epochs), len(b.fit.epochs)
    if count_a != count_b:
        return identical(
            ID,
            f"both may run {show(one.get('epochs'))} epochs; A stopped after {count_a} and B after "
            f"{count_b}, a consequence",
        )
    return finding


def _environment(side: Side, name: str) -> Any:
    facts = side.execution.environment
    for key in (name, f"env.{name}", f"flags.{name}"):
        if key in facts:
            return facts[key]
    return side.recipe.hardware.get(f"flags.{name}", "not set")


def _only_callbacks(a: Side, b: Side) -> bool:
    one, two = a.recipe.duration, b.recipe.duration
    return all(equal(one.get(k), two.get(k)) for k in {*one, *two} if k != "callbacks")


def _only_restoring(one: Mapping[str, Any], two: Mapping[str, Any]) -> bool:
    """Whether equal callbacks stop both, and only one of them puts the best weights back."""
    plain = [
        {k: re.sub(r"restore_best_weights=\w+", "", str(v)) for k, v in facts.items()}
        for facts in (one, two)
    ]
    return plain[0] == plain[1]


SOURCE = Source(
    id=ID,
    title="how long the training runs",
    random=False,
    kind="data",
    compare=compare,
    says=(
        "How long the training may run: epochs, and the callbacks that may stop it. When it "
        "did stop is a consequence, not a cause."
    ),
    carried="Yes: the hybrid runs for the other's epochs, with the other's stopping callbacks.",
    looks_like="Everything agrees until one training stops and the other goes on.",
    fix=FIX,
)
