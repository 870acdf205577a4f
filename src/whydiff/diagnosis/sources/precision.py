"""The precision: dtype policies of the layers and loss scaling."""

from __future__ import annotations

from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recording import Side
from whydiff.diagnosis.sources.facts import PlainField, compare_facts, equal
from whydiff.diagnosis.sources.layers import aligned_facts
from whydiff.diagnosis.sources.seeds import same_execution, same_script
from whydiff.diagnosis.sources.source import Source, differs

ID = "precision"
FIX = "Set the same policy in both with keras.config.set_dtype_policy, or dtype= per layer."


def compare(a: Side, b: Side) -> Finding:
    """Compare dtype policies layer by layer."""
    one, two = aligned_facts(a.recipe, b.recipe, a.recipe.precision, b.recipe.precision)
    finding = compare_facts(PlainField(ID, FIX, what="dtype settings", intended=True), one, two)
    if finding.status != DIFFERS:
        return finding
    if same_script(a, b) and not same_execution(a, b):
        # One script cannot ask for two precisions: the configuration around it does.
        return differs(ID, finding.evidence, FIX, mechanism="keras-json")
    policies = any(
        not equal(one.get(k), two.get(k)) for k in {*one, *two} if k.startswith("policy:")
    )
    mechanism = "mixed-precision" if policies else ""
    return differs(ID, finding.evidence, FIX, mechanism=mechanism, intended=True)


SOURCE = Source(
    id=ID,
    title="the precision of the numbers (dtype policy)",
    random=False,
    kind="structure",
    compare=compare,
    says=(
        "The dtype policies: in which type weights are stored and layers compute, and the "
        "scaling of the loss."
    ),
    carried=(
        "Yes: the other's policies are set on the live layers. A policy that stores weights "
        "in another type cannot be set on a built model; then the whole model has to be "
        "taken."
    ),
    looks_like="The first loss already differs in the third digit with equal weights and batch.",
    fix=FIX,
)
