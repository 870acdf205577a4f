"""The data themselves: samples, targets and validation data."""

from __future__ import annotations

import numpy as np

from whydiff.core.feeding import one_pool
from whydiff.core.findings import Finding
from whydiff.core.recipe import Recipe
from whydiff.core.recording import Side
from whydiff.diagnosis.sources.facts import listed
from whydiff.diagnosis.sources.samples import BEGINNING, SAME, Common, common
from whydiff.diagnosis.sources.seeds import same_execution, same_script
from whydiff.diagnosis.sources.source import Source, differs, identical, unknown

ID = "data-content"
FIX = (
    "Load or draw the data with a fixed seed (np.random.default_rng(n), random_state=n), and sort "
    "what comes from a set or a directory."
)


def compare(a: Side, b: Side) -> Finding:
    """Compare samples as a collection: their order is another source, and so are their weights."""
    one, two = a.recipe.data_content, b.recipe.data_content
    if len(one.samples) == 0 or len(two.samples) == 0:
        if len(one.samples) == len(two.samples):
            return unknown(ID, "no samples were recorded")
        return unknown(ID, f"samples were recorded in {'A' if len(one.samples) else 'B'} only")
    relation = common(a.recipe, b.recipe)
    if relation.kind in (SAME, BEGINNING):
        return _validation(a, b, relation)
    if one.signature != two.signature:
        return _other_type(one.signature, two.signature)
    if "batch" in (one.unit, two.unit) and _cut_otherwise(a.recipe, b.recipe):
        return unknown(ID, "the data could only be told apart batch by batch, and batches differ")
    if one_pool(a.recipe, b.recipe):
        return unknown(
            ID,
            f"every epoch of the stream shows another part of its samples; A and B have as many "
            f"in common as two epochs of one of them ({relation.shared} in all)",
        )
    if _merely_left_out(a.recipe, b.recipe, relation):
        return unknown(
            ID,
            f"all {relation.shared} samples of one are among the other's; the rest was never fed "
            "because the epochs are cut differently",
        )
    return _differs(a, b, relation)


def _validation(a: Side, b: Side, relation: Common) -> Finding:
    one, two = a.recipe.data_content, b.recipe.data_content
    if one.validation and two.validation and one.validation != two.validation:
        evidence = f"only the validation data differ; {relation.shared} training samples equal"
        return differs(ID, evidence, FIX)
    if relation.kind == BEGINNING:
        return identical(ID, "the same samples as far as both were fed")
    unit = "batches" if one.unit == "batch" else "samples"
    tail = ", validation data equal" if one.validation and two.validation else ""
    return identical(ID, f"all {relation.shared} {unit} equal{tail}")


def _other_type(one: tuple[str, ...], two: tuple[str, ...]) -> Finding:
    if len(one) == len(two):
        leaves = [f"{p} against {q}" for p, q in zip(one, two, strict=True) if p != q]
    else:
        leaves = [f"{len(one)} arrays against {len(two)}"]
    evidence = f"{listed(leaves)}: no sample has the same bytes"
    return differs(ID, evidence, FIX, mechanism="other-dtype")


def _differs(a: Side, b: Side, relation: Common) -> Finding:
    sizes = relation.size_a, relation.size_b
    largest = max(sizes)
    evidence = f"{relation.shared} of {largest} samples are the same"
    if sizes[0] != sizes[1]:
        evidence += f" ({sizes[0]} in A, {sizes[1]} in B)"
    if _validation_differs(a, b):
        evidence += "; the validation data differ as well"
    if relation.shared == sizes[0] == sizes[1]:
        evidence = f"the same {sizes[0]} samples, but some are repeated another number of times"
        return differs(ID, evidence, FIX, mechanism="resampled")
    again = not same_execution(a, b) and same_script(a, b)
    fresh = _fresh_every_epoch(a.recipe), _fresh_every_epoch(b.recipe)
    if fresh[0] != fresh[1]:
        frozen = "B" if fresh[0] else "A"
        detail = f"{frozen} feeds the same samples in every epoch, the other new ones"
        return differs(ID, evidence, FIX, detail=detail, mechanism="frozen-augmentation")
    if relation.shared:
        mechanism = "unseeded-split" if again else "other-subset"
        return differs(ID, evidence, FIX, mechanism=mechanism, intended=not again)
    return differs(ID, evidence, FIX, mechanism="unseeded-generator" if again else "")


def _validation_differs(a: Side, b: Side) -> bool:
    one, two = a.recipe.data_content.validation, b.recipe.data_content.validation
    return bool(one and two) and one != two


def _fresh_every_epoch(recipe: Recipe) -> bool:
    """Whether a stream of several epochs never repeated a sample."""
    epochs = [np.asarray(e) for e in recipe.data_order.epochs if len(e)]
    if not recipe.data_order.relative or len(epochs) < 2:
        return False
    fed = np.concatenate(epochs)
    return len(np.unique(fed)) == len(fed)


def _cut_otherwise(a: Recipe, b: Recipe) -> bool:
    one, two = a.batch_size.epochs, b.batch_size.epochs
    return len(one) != len(two) or not all(map(np.array_equal, one, two))


def _merely_left_out(a: Recipe, b: Recipe, relation: Common) -> bool:
    """Whether a shuffled stream may have left samples out because its epochs are shorter."""
    sizes = relation.size_a, relation.size_b
    if relation.shared not in sizes or sizes[0] == sizes[1]:
        return False
    if not (a.data_order.relative or b.data_order.relative):
        return False
    largest = [max((int(e.max(initial=0)) for e in r.batch_size.epochs), default=0) for r in (a, b)]
    steps = [r.batch_size.facts.get("steps_per_epoch") for r in (a, b)]
    return largest[0] != largest[1] or steps[0] != steps[1]


SOURCE = Source(
    id=ID,
    title="the data",
    random=True,
    kind="data",
    compare=compare,
    says=(
        "The samples, the targets and the validation data, as a collection: in which order "
        "they come is the source `data-order`."
    ),
    carried=(
        "Yes: the recorded samples of the other training are fed. Data too large to keep "
        "(more than 4 GiB) cannot be exchanged; then this cause stays suspected."
    ),
    looks_like="Every batch differs whatever the order; two executions never see the same samples.",
    fix=FIX,
)
