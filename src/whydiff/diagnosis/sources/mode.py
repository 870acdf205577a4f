"""Training or inference behaviour where the other model has the opposite."""

from __future__ import annotations

from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recipe import Facts
from whydiff.core.recording import Side
from whydiff.diagnosis.sources.facts import PlainField, changes, compare_facts
from whydiff.diagnosis.sources.layers import aligned_facts
from whydiff.diagnosis.sources.source import Source, differs
from whydiff.diagnosis.sources.version import other_generations

ID = "mode"
STEP, GRADIENTS = "code:train_step", "train_step:gradients"
FIX = "Do not pass training= when building the model; let fit and evaluate set it."


def compare(a: Side, b: Side) -> Finding:
    """Compare training= arguments baked into layers, and hand-written training steps."""
    one, two = aligned_facts(a.recipe, b.recipe, a.recipe.mode, b.recipe.mode)
    if other_generations(a, b):
        one, two = _without_defaults(one), _without_defaults(two)
    nothing = "no layer is fixed to training or inference, both use the built-in training step"
    field = PlainField(ID, FIX, what="modes", nothing=nothing, intended=True)
    finding = compare_facts(field, one, two)
    if finding.status != DIFFERS:
        return finding
    own = [name for name, facts in (("A", one), ("B", two)) if STEP in facts]
    sides = {"A": a, "B": b}
    for name in own:
        if GRADIENTS in (one if name == "A" else two):
            detail = f"the train_step of {name} adds gradients up and never sets them to zero"
            return differs(ID, finding.evidence, FIX, detail=detail, mechanism="gradients-kept")
        lost = _lost_state(sides[name], sides["B" if name == "A" else "A"])
        if lost:
            detail = f"the train_step of {name} drops what it leaves in {lost}, which never changes"
            return differs(ID, finding.evidence, FIX, detail=detail, mechanism="step-drops-state")
    detail = "the two models have train_steps of their own, with other code"
    if len(own) == 1:
        detail = f"{own[0]} trains with a train_step of its own, the other with Keras's"
    elif {change.key for change in changes(one, two)} != {STEP}:
        return finding
    return differs(
        ID, finding.evidence, FIX, detail=detail, mechanism="own-train-step", intended=True
    )


def _without_defaults(facts: Facts) -> Facts:
    """Keras 3 keeps the False that is the default of a layer's ``training``; Keras 2 keeps none."""
    return {k: v for k, v in facts.items() if not (k.startswith("training:") and v is False)}


def _lost_state(side: Side, other: Side) -> str:
    """A non-trainable weight that training moved in ``other`` only: a step has to hand it on."""
    moved = {path for path, changed in _non_trainable(other) if changed}
    return next(
        (path for path, changed in _non_trainable(side) if path in moved and not changed), ""
    )


def _non_trainable(side: Side) -> list[tuple[str, bool]]:
    """(path, whether training changed it) of each non-trainable weight."""
    pairs = zip(side.recipe.initialization, side.fit.final, strict=False)
    return [(t.path, t.digest != f.digest) for t, f in pairs if t.role == "non-trainable"]


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
