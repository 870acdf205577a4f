"""The data themselves: samples, targets and validation data."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import numpy as np

from whydiff.core.feeding import changed_in_place, one_pool
from whydiff.core.findings import Finding
from whydiff.core.recipe import Recipe
from whydiff.core.recording import RANDOM_MAP, Side
from whydiff.diagnosis import files
from whydiff.diagnosis.mechanisms import mechanism as mechanism_of
from whydiff.diagnosis.sources import data_description
from whydiff.diagnosis.sources.facts import listed
from whydiff.diagnosis.sources.samples import (
    BEGINNING,
    SAME,
    Common,
    common,
    fed_twice,
    same_every_epoch,
)
from whydiff.diagnosis.sources.seeds import (
    Why,
    same_execution,
    same_script,
    seeded_otherwise,
)
from whydiff.diagnosis.sources.source import Source, differs, identical, unknown
from whydiff.diagnosis.sources.state import FILE_REWRITTEN

ID = "data-content"
FIX = (
    "Load or draw the data with a fixed seed (np.random.default_rng(n), random_state=n), and sort "
    "what comes from a set or a directory."
)
#: Mechanisms by which the values of one side follow from the other's by a rule: no draw did it.
REWRITTEN, REARRANGED, ENCODED, _ = BY_RULE = (
    "input-in-another-form",
    "values-at-other-places",
    "numbered-otherwise",
    data_description.MOVED,
)
#: Mechanism: inputs stand beside other targets than they belong to. No seed gives them theirs.
MISMATCHED = data_description.MISMATCHED
#: Two trainings that a script means to be two may be meant to see other data.
SAME_DATA = (
    "Train both on the same data if only the models should be compared; what is drawn for them "
    "takes one seed (np.random.default_rng(n), random_state=n)."
)

SAME_SAMPLES = (
    "Measure both on the same samples: give both fits one validation_data, or call evaluate on one "
    "test set."
)


def compare(a: Side, b: Side) -> Finding:
    """Compare samples as a collection: their order is another source, and so are their weights."""
    return _compare(a, b, seeded_otherwise)


def by_something_else(a: Side, b: Side) -> Finding:
    """The finding where the data do not come from the seeds, or not from these alone."""
    return _compare(a, b, lambda a, b: None)


def _compare(a: Side, b: Side, by_seed: Callable[[Side, Side], Why | None]) -> Finding:
    one, two = a.recipe.data_content, b.recipe.data_content
    if len(one.samples) == 0 or len(two.samples) == 0:
        if len(one.samples) == len(two.samples):
            return unknown(ID, "no samples were recorded")
        return unknown(ID, f"samples were recorded in {'A' if len(one.samples) else 'B'} only")
    relation = common(a.recipe, b.recipe)
    if relation.kind in (SAME, BEGINNING):
        return _validation(a, b, relation)
    repeated = _repeated(a.recipe, b.recipe)
    if repeated:
        evidence = (
            f"{relation.shared} of {max(relation.size_a, relation.size_b)} samples are shared"
        )
        return differs(ID, evidence, FIX, detail=repeated, mechanism=_what_repeats(a, b))
    arrays = data_description.relation(a.recipe, b.recipe)
    if one.signature != two.signature:
        return _other_type(one.signature, two.signature, arrays)
    if arrays is not None and arrays.mechanism:
        return differs(
            ID, _counted(a, b, relation), FIX, detail=arrays.text, mechanism=arrays.mechanism
        )
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
    return _differs(a, b, relation, arrays or data_description.Relation(""), by_seed(a, b))


def _validation(a: Side, b: Side, relation: Common) -> Finding:
    one, two = a.recipe.data_content, b.recipe.data_content
    if validation_differs(a, b):
        number = _number_of(a.recipe, relation.shared)
        evidence = f"only the validation data differ; all {number} of the training equal"
        leaks = [data_description.leak(side.recipe) for side in (a, b)]
        if leaks[0] == leaks[1]:
            drawn = not same_execution(a, b) and same_script(a, b)
            return differs(ID, evidence, FIX if drawn else SAME_SAMPLES)
        detail = "; ".join(
            f"in {name} {leak or 'no validation sample is in the training data'}"
            for name, leak in zip(("A", "B"), leaks, strict=True)
        )
        return differs(ID, evidence, FIX, detail=detail, mechanism="validation-leak")
    if relation.kind == BEGINNING:
        return identical(ID, "the same samples as far as both were fed")
    tail = ", validation data equal" if one.validation and two.validation else ""
    return identical(ID, f"all {_number_of(a.recipe, relation.shared)} equal{tail}")


def _number_of(recipe: Recipe, distinct: int) -> str:
    """``150 samples (149 distinct)``: equal rows are fed each, and are one sample."""
    unit = "batches" if recipe.data_content.unit == "batch" else "samples"
    fed = max([distinct, *map(len, recipe.data_order.epochs)])
    return f"{fed} {unit}" if fed == distinct else f"{fed} {unit} ({distinct} distinct)"


def _repeated(a: Recipe, b: Recipe) -> str:
    """Says so where a stream repeats few samples within an epoch and the other side does not."""
    repeated = [data_description.repeats(recipe) for recipe in (a, b)]
    if not any(repeated):
        repeated = [data_description.misses(a, b), data_description.misses(b, a)]
    if bool(repeated[0]) == bool(repeated[1]):
        return ""
    name, text = ("A", repeated[0]) if repeated[0] else ("B", repeated[1])
    return f"{name} is fed {text}"


def _what_repeats(a: Side, b: Side) -> str:
    """A generator goes on from where it was; whatever else repeats has no index to set back."""
    side = a if data_description.repeats(a.recipe) else b
    kind = side.fit.notes.get("data")
    return "generator-repeats" if kind in (None, "generator") else "stream-repeats"


def _other_type(
    one: tuple[str, ...], two: tuple[str, ...], arrays: data_description.Relation | None
) -> Finding:
    if len(one) == len(two):
        leaves = [f"{p} vs. {q}" for p, q in zip(one, two, strict=True) if p != q]
    else:
        leaves = [f"{len(one)} arrays against {len(two)}"]
    evidence = f"{listed(leaves)}: no sample has the same bytes"
    detail = arrays.text if arrays is not None else ""
    return differs(ID, evidence, FIX, detail=detail, mechanism="other-dtype")


def _counted(a: Side, b: Side, relation: Common) -> str:
    sizes = relation.size_a, relation.size_b
    twice = any(fed_twice(side.recipe.data_order.epochs[:1]) for side in (a, b))
    distinct = "distinct " if twice else ""
    evidence = f"{relation.shared} of {max(sizes)} {distinct}samples are the same"
    if sizes[0] != sizes[1]:
        evidence += f" ({sizes[0]} in A, {sizes[1]} in B)"
    return evidence


def _differs(
    a: Side, b: Side, relation: Common, arrays: data_description.Relation, seeded: Why | None
) -> Finding:
    sizes = relation.size_a, relation.size_b
    evidence = _counted(a, b, relation) + (f"; {arrays.text}" if arrays.text else "")
    if validation_differs(a, b):
        evidence += "; the validation data differ as well"
    if relation.shared == sizes[0] == sizes[1]:
        evidence = (
            f"the same {relation.shared} samples, but some are repeated another number of times"
        )
        return differs(ID, evidence, FIX, mechanism="resampled")
    again = not same_execution(a, b) and same_script(a, b)
    frozen = _frozen(a.recipe, b.recipe)
    if frozen:
        detail = f"{frozen} feeds the same samples in every epoch, the other new ones"
        if (a if frozen == "A" else b).fit.notes.get(RANDOM_MAP):
            detail += (
                ": random changes of the samples are drawn once, as with `cache()` behind a random "
                "`map`"
            )
            return differs(ID, evidence, FIX, detail=detail, mechanism="frozen-augmentation")
        remedy = FIX if again else SAME_DATA
        return differs(ID, evidence, remedy, detail=detail, intended=not again)
    leaks = [data_description.leak(side.recipe) for side in (a, b)]
    if bool(leaks[0]) != bool(leaks[1]):
        name = "A" if leaks[0] else "B"
        detail = f"in {name} {leaks[0] or leaks[1]}; {evidence}"
        return differs(ID, evidence, FIX, detail=detail, mechanism="validation-leak")
    if seeded is not None:
        detail = f"{evidence}; {seeded.detail}"
        return differs(
            ID, evidence, FIX, detail=detail, mechanism=seeded.mechanism, intended=seeded.intended
        )
    read = files.rewritten_in_words(a, b) if again else ""
    if read and files.all_seeded(a.execution, b.execution):
        remedy = mechanism_of(FILE_REWRITTEN).remedy
        return differs(ID, evidence, remedy, detail=f"{evidence}; {read}", mechanism=FILE_REWRITTEN)
    in_place = changed_in_place(a.recipe, b.recipe)
    if in_place:
        evidence += f"; {in_place} places show the same one, so others were changed in their places"
    if in_place or arrays.inputs_only:  # a split would have moved the targets, too
        return differs(ID, evidence, FIX, mechanism="prepared-otherwise")
    if relation.shared:
        mechanism = "unseeded-split" if again else "other-subset"
        return differs(ID, evidence, FIX, mechanism=mechanism, intended=not again)
    if again:
        return differs(ID, evidence, FIX, mechanism="unseeded-generator")
    return differs(ID, evidence, SAME_DATA)


def by_values(finding: Finding, a: Recipe, kinds: Sequence[str], texts: Sequence[str]) -> Finding:
    """The finding with how B's values follow from A's, where digests only show that they differ.

    ``kinds`` and ``texts`` are those of :func:`whydiff.stats.correspondence.correspondence`, one
    per input and target. Where an array does not follow, other samples were fed: nothing is added.
    """
    names = data_description.names_of(a.data_content.signature)
    moved = [(n, k, t) for n, k, t in zip(names, kinds, texts, strict=False) if k != "equal"]
    unsaid = finding.mechanism in ("", "prepared-otherwise", "other-dtype")
    if not unsaid or not moved or not all(kinds):
        return finding
    detail = "; ".join([finding.detail, *(f"{name}: {text}" for name, _, text in moved)])
    if finding.intended:
        return replace(finding, detail=detail)
    found = {kind for _, kind, _ in moved}
    if finding.mechanism == "other-dtype" and found == {"rounded"}:
        return replace(finding, detail=detail)
    return differs(ID, finding.evidence, FIX, detail=detail, mechanism=_followed(found))


def _followed(kinds: Collection[str]) -> str:
    """The mechanism by which values follow from others. What is merely near was disturbed."""
    if "near" in kinds:
        return "prepared-otherwise"
    return {"rearranged": REARRANGED, "encoded": ENCODED}.get("".join(kinds), REWRITTEN)


def inputs_only(a: Side, b: Side) -> bool:
    """Whether the targets are equal, row by row, and the inputs are not."""
    arrays = data_description.relation(a.recipe, b.recipe)
    return arrays is not None and arrays.inputs_only


def validation_differs(a: Side, b: Side) -> bool:
    """Whether both were validated, and on other samples; other batches of the same are none."""
    one, two = a.recipe.data_content, b.recipe.data_content
    if not (one.validation and two.validation) or one.validation == two.validation:
        return False
    rows = one.validation_samples, two.validation_samples
    if rows[0] is None or rows[1] is None:
        return True
    # The digest is that of batches: other sizes of batches are no other samples.
    ordered = [r[np.lexsort((r[:, 1], r[:, 0]))] for r in (rows[0], rows[1])]
    return not np.array_equal(ordered[0], ordered[1])


def _frozen(a: Recipe, b: Recipe) -> str:
    """Which side's stream repeats its samples in every epoch while the other's changes them."""
    lengths = [{len(e) for e in recipe.data_order.epochs if len(e)} for recipe in (a, b)]
    if lengths[0] != lengths[1]:
        return ""
    for name, one, other in (("A", a, b), ("B", b, a)):
        if one.data_order.relative and same_every_epoch(one) and _changes_them(other):
            return name
    return ""


def _changes_them(recipe: Recipe) -> bool:
    """Whether a stream of several epochs feeds samples later that its first epoch did not hold."""
    epochs = [np.asarray(e) for e in recipe.data_order.epochs if len(e)]
    if not recipe.data_order.relative or len(epochs) < 2:
        return False
    return len(np.unique(np.concatenate(epochs))) > max(map(len, epochs))


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
    looks_like="Every batch differs whatever the order; two runs never see the same samples.",
    fix=FIX,
)
