"""Training or inference behaviour where the other model has the opposite."""

from __future__ import annotations

from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recording import Side
from whydiff.diagnosis.sources.facts import compare_facts
from whydiff.diagnosis.sources.layers import aligned_facts
from whydiff.diagnosis.sources.source import Source, differs

ID = "mode"
FIX = "Do not pass training= when building the model; let fit and evaluate set it."


def compare(a: Side, b: Side) -> Finding:
    """Compare training= arguments baked into layers, and hand-written training steps."""
    one, two = aligned_facts(a.recipe, b.recipe, a.recipe.mode, b.recipe.mode)
    finding = compare_facts(
        ID,
        one,
        two,
        FIX,
        what="modes",
        nothing="no layer is fixed to training or inference, both use the built-in training step",
        intended=True,
    )
    key = "code:train_step"
    if finding.status == DIFFERS and (key in one) != (key in two):
        owner = "A" if key in one else "B"
        return differs(
            ID,
            finding.evidence,
            FIX,
            detail=f"{owner} trains with a train_step of its own, the other with Keras's",
            mechanism="own-train-step",
            intended=True,
        )
    return finding


SOURCE = Source(
    id=ID,
    title="training or inference mode of layers",
    random=False,
    kind="structure",
    compare=compare,
    says=(
        "Whether a layer behaves as in training or as in inference, where the call or a hand-"
        "written step decides it."
    ),
    carried=(
        "Only with the other training's whole model, for a mode is part of the calls that "
        "make up a model. Where the architecture, the precision or another part of the "
        "program differs as well, a hybrid of them cannot be made, and the cause stays "
        "suspected."
    ),
    looks_like="Dropout does nothing, or BatchNormalization behaves otherwise in fit and evaluate.",
    fix=FIX,
)
