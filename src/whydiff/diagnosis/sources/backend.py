"""The backend: jax, tensorflow or torch."""

from __future__ import annotations

from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recipe import Recipe
from whydiff.core.recording import Side
from whydiff.diagnosis.sources.facts import PlainField, compare_facts, equal
from whydiff.diagnosis.sources.source import Source, differs

ID = "backend"
FIX = "Set KERAS_BACKEND to the same value in both."


def compare(a: Side, b: Side) -> Finding:
    """Compare the Keras backend."""
    finding = compare_facts(PlainField(ID, FIX, what="backend"), a.recipe.backend, b.recipe.backend)
    if finding.status == DIFFERS:
        return differs(ID, finding.evidence, FIX, mechanism="other-backend")
    return finding


def same_backend(a: Recipe, b: Recipe) -> bool:
    """Whether both trained on one backend."""
    return equal(a.backend.get("backend"), b.backend.get("backend"))


SOURCE = Source(
    id=ID,
    title="the Keras backend",
    random=False,
    kind="environment",
    compare=compare,
    says="The library that computes: JAX, TensorFlow or torch.",
    carried=(
        "Only with another process: the script runs a second time under the other backend, "
        "and hybrids are trained there. Backend, version and hardware move together, and the "
        "first that differs stands for all."
    ),
    looks_like="Other initial weights, orders and roundings although script and seeds are equal.",
    fix=FIX,
)
