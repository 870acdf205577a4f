"""The objective: loss, weights of samples and classes, regularizers."""

from __future__ import annotations

import numpy as np

from whydiff.core.findings import IDENTICAL, UNKNOWN, Finding
from whydiff.core.recipe import Recipe
from whydiff.core.recording import Side
from whydiff.diagnosis.sources.facts import PlainField, changes, compare_facts, is_name
from whydiff.diagnosis.sources.layers import aligned_facts, last_activation
from whydiff.diagnosis.sources.samples import common
from whydiff.diagnosis.sources.seeds import same_execution, same_script
from whydiff.diagnosis.sources.source import Source, differs

ID = "objective"
FIX = "Use the same loss with the same settings, weights and regularizers in both."

#: The mechanism of weights that come with the samples.
FOLLOWS = "weights-of-other-samples"

_FIRST = ("loss", "loss_weights", "class_weight", "sample_weight")


def compare(a: Side, b: Side) -> Finding:
    """Compare the loss facts, then the weights sample by sample."""
    one, two = aligned_facts(a.recipe, b.recipe, a.recipe.objective, b.recipe.objective)
    read = any(_is_read(c.key) for c in changes(one, two))

    def skip(key: str) -> bool:
        # The code of a loss is known by what it reads, too: where that differs it says more.
        return is_name(key) or (read and key.startswith("code:loss"))

    finding = compare_facts(PlainField(ID, FIX, first=_FIRST, intended=True), one, two, skip)
    if finding.status in (IDENTICAL, UNKNOWN):
        weights, follow = _weights(a.recipe, b.recipe)
        if follow and same_script(a, b) and not same_execution(a, b):
            return differs(ID, weights, FIX, mechanism=FOLLOWS)
        return differs(ID, weights, FIX, intended=True) if weights else finding
    if any(_doubly_normalised(r) for r in (a.recipe, b.recipe)) and "from_logits" in (
        finding.evidence
    ):
        return differs(
            ID, finding.evidence, FIX, mechanism="softmax-and-from-logits", intended=True
        )
    return finding


def _is_read(key: str) -> bool:
    return key.startswith("layer:the loss:")


def _weights(a: Recipe, b: Recipe) -> tuple[str, bool]:
    """What differs in the sample weights of the same samples, or "", and whether they may follow
    from other samples beside these: balanced weights count all of them."""
    one, two = a.data_content.weights, b.data_content.weights
    if one is None and two is None:
        return "", False
    if one is None or two is None:
        return f"samples are weighted in {'B' if one is None else 'A'} only", False
    if len(one) != len(a.data_content.samples) or len(two) != len(b.data_content.samples):
        return "", False
    relation = common(a, b)
    # The first weight of each sample that both sides have; other samples are other data.
    ids_a, where_a = np.unique(relation.ids_a, return_index=True)
    ids_b, where_b = np.unique(relation.ids_b, return_index=True)
    _, at_a, at_b = np.intersect1d(ids_a, ids_b, return_indices=True)
    different = (one[where_a[at_a]] != two[where_b[at_b]]).any(axis=1)
    count = int(different.sum())
    if not count:
        return "", False
    text = f"sample weights differ for {count} of {len(different)} samples"
    others = relation.shared < max(relation.size_a, relation.size_b)
    return text + " that both sides have" * others, others


def _doubly_normalised(recipe: Recipe) -> bool:
    """Whether a loss that expects logits gets the output of softmax or sigmoid."""
    logits = any(
        key.endswith("from_logits") and value is True for key, value in recipe.objective.items()
    )
    return logits and last_activation(recipe.architecture).partition(":")[0] in (
        "softmax",
        "sigmoid",
    )


SOURCE = Source(
    id=ID,
    title="the loss, weights and regularizers",
    random=False,
    kind="structure",
    compare=compare,
    says=(
        "What is minimised: the loss and its settings, loss weights, class and sample "
        "weights, regularizers."
    ),
    carried=(
        "Yes: the live model is compiled with the other's loss, and gets its weights and "
        "regularizers."
    ),
    looks_like="The very first loss differs although weights and batch are equal.",
    fix=FIX,
)
