"""The order of the data: which sample was fed at which position of every epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whydiff.core.chains import first_epochs
from whydiff.core.feeding import changed_in_place, one_pool
from whydiff.core.findings import Finding
from whydiff.core.recipe import Recipe
from whydiff.core.recording import Side
from whydiff.core.words import count
from whydiff.diagnosis.files import loaded_between
from whydiff.diagnosis.sources import data_description, seeds
from whydiff.diagnosis.sources.noise import TORCH
from whydiff.diagnosis.sources.samples import (
    BEGINNING,
    SAME,
    Common,
    common,
    fed,
    fed_twice,
    in_sequence,
    same_every_epoch,
)
from whydiff.diagnosis.sources.source import Source, differs, identical, unknown
from whydiff.diagnosis.sources.version import crosses

ID = "data-order"
#: Mechanism: one stream of which an epoch takes another number of samples.
CUT = "stream-cut-otherwise"
FIX = (
    "Shuffle the arrays yourself with np.random.default_rng(n) and pass shuffle=False, or call "
    "keras.utils.set_random_seed(n) before each fit."
)
#: Streams whose order the script's own Python code draws.
_DRAWN_BY_THE_SCRIPT = {"generator", "PyDataset"}
#: data that no pipeline hands out
_GIVEN_BY_A_LOOP = {"train_on_batch", "loop"}
#: mechanism: a loop of the script's own orders its samples
LOOP_ORDER = "loop-order"

Epochs = list[np.ndarray]


def compare(a: Side, b: Side) -> Finding:
    """Compare the common epochs, position by position as far as both go."""
    one, two = a.recipe, b.recipe
    if not any(len(e) for e in one.data_order.epochs) or not any(
        len(e) for e in two.data_order.epochs
    ):
        return unknown(ID, "no epoch was recorded in A or in B")
    if _batches_only(one, two):
        return unknown(ID, "the data could only be told apart batch by batch, of other sizes")
    relation = common(one, two)
    if relation.kind in (SAME, BEGINNING) or one_pool(one, two):
        left = fed(relation.ids_a, one.data_order.epochs)
        right = fed(relation.ids_b, two.data_order.epochs)
        if left is not None and right is not None:
            cut = _cut_otherwise(one, two, left, right)
            if cut:
                return differs(ID, cut, FIX, mechanism=CUT)
            return _judge(a, b, left, right, "sample")
    return _other_samples(a, b, relation)


def _cut_otherwise(one: Recipe, two: Recipe, left: Epochs, right: Epochs) -> str:
    """Says so where two streams give the same samples in the same order, as far as both go, and
    their epochs take other numbers of them."""
    sizes = [[len(epoch) for epoch in epochs[:-1]] for epochs in (left, right)]
    streams = one.data_order.relative and two.data_order.relative
    if not streams or sizes[0][:1] == sizes[1][:1] or not all(sizes):
        return ""
    a, b = (np.concatenate(epochs) for epochs in (left, right))
    n = min(len(a), len(b))
    if not np.array_equal(a[:n], b[:n]):
        return ""
    return (
        f"the same {n} samples in the same order over all epochs, of which an epoch takes "
        f"{sizes[0][0]} vs. {sizes[1][0]}"
    )


def _judge(a: Side, b: Side, left: Epochs, right: Epochs, unit: str) -> Finding:
    epochs = list(zip(left, right, strict=False))
    for number, (p, q) in enumerate(epochs):
        n = min(len(p), len(q))
        different = p[:n] != q[:n]
        if different.any():
            evidence = (
                f"epoch {number}: first other {unit} at position {int(different.argmax())}; "
                f"{int(different.sum())} of {n} positions differ"
            )
            begun = _begun_anew(a, b, number)
            detail, mechanism, intended = begun or _recognise(a, b)
            return differs(ID, evidence, FIX, detail=detail, mechanism=mechanism, intended=intended)
    sizes = sorted({min(len(p), len(q)) for p, q in epochs})
    size = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    return identical(ID, f"{count(len(epochs), 'epoch')} x {size} {unit}s in the same order")


def _other_samples(a: Side, b: Side, relation: Common) -> Finding:
    """Orders of other samples: only the positions within the data can be compared."""
    one, two = a.recipe.data_order, b.recipe.data_order
    in_place = changed_in_place(a.recipe, b.recipe)
    if in_place:
        return identical(
            ID, f"{in_place} places show one sample in both: one order, as far as seen"
        )
    relative = one.relative or two.relative
    straight_a, straight_b = (_straight(order.epochs) for order in (one, two))
    # A stream numbers samples as they come: new ones in every epoch still come one by one.
    ascending = _ascending(one.epochs) and _ascending(two.epochs)
    # Where an epoch holds samples that no other has, only the first has positions to compare.
    if relative and (ascending or same_every_epoch(a.recipe) != same_every_epoch(b.recipe)):
        return unknown(ID, "a stream of other samples: their order cannot be compared")
    if not relative and straight_a and straight_b:
        return identical(ID, "both feed their rows one after the other, in every epoch")
    if not relative and (fed_twice(one.epochs) or fed_twice(two.epochs)):
        return unknown(ID, "other samples, some of them twice: positions say nothing of the order")
    sizes = relation.size_a, relation.size_b
    if sizes[0] != sizes[1] and straight_a == straight_b:
        return unknown(
            ID,
            f"shuffled data of other sizes ({sizes[0]} vs. {sizes[1]} samples): "
            "no order could be the same",
        )
    return _judge(a, b, list(one.epochs), list(two.epochs), "row")


def _begun_anew(a: Side, b: Side, epoch: int) -> tuple[str, str, bool] | None:
    """What is said where the order first differs in the epoch with which a later one of successive
    fits, held as one, begins; None elsewhere."""
    for name, side in (("A", a), ("B", b)):
        parts = [fit for fit in side.execution.fits if fit.index in side.fit.parts]
        begin = dict(zip(first_epochs(parts), parts, strict=True)) if parts else {}
        first = side.recipe.duration.get("initial_epoch") or 0
        if epoch and epoch + int(first) in begin:
            order = side.recipe.data_order.epochs
            again = next((i for i in range(epoch) if np.array_equal(order[i], order[epoch])), None)
            detail = (
                f"{name} (fits {side.fit.number}) has another order from epoch {epoch + 1} on, "
                f"where fit {begin[epoch + int(first)].index} begins"
            )
            if again is not None and not _repeats(order):
                detail += f": the order of epoch {again + 1} comes again"
            loaded = loaded_between(side)
            return f"{detail}, after {loaded}" if loaded else detail, "order-begun-anew", False
    return None


def _recognise(a: Side, b: Side) -> tuple[str, str, bool]:
    """Detail, mechanism and whether the script asks for it."""
    one, two = a.recipe.data_order, b.recipe.data_order
    straight_a, straight_b = _straight(one.epochs), _straight(two.epochs)
    if one.relative or two.relative:
        if _carried_over(a) or _carried_over(b):
            text = "several workers load the data, and batches come twice in an epoch or not at all"
            return text, "pydataset-workers", False
        if data_description.batches_shuffled(a.recipe, b.recipe):
            text = "the same batches come in another order, each with the same samples"
            return text, "batches-shuffled", False
        moved = [data_description.moves_batches(r) for r in (a.recipe, b.recipe)]
        if moved[0] != moved[1]:
            name = "A" if moved[0] else "B"
            text = (
                f"{name} shuffles whole batches, which hold the same samples in every epoch; the "
                "other mixes samples between batches"
            )
            return text, "batches-shuffled", False
        kinds = {side.fit.notes.get("data") for side in (a, b)}
        why = seeds.fed_otherwise(a, b) if kinds <= _DRAWN_BY_THE_SCRIPT else None
        if why is not None:
            return why.detail, why.mechanism, why.intended
        if kinds <= _GIVEN_BY_A_LOOP:
            text = "a loop of the script's own gives the same samples in another order"
            return text, LOOP_ORDER, False
        text = (
            "the data are a stream (tf.data, a loader or a generator) that comes in another order"
        )
        return text + _repetition(one.epochs, two.epochs), "pipeline-shuffle", False
    if straight_a != straight_b:
        plain, mixed = ("A", "B") if straight_a else ("B", "A")
        text = f"{plain} feeds the rows in their order (shuffle=False), {mixed} shuffles them"
        return text, "shuffle-on-off", True
    if straight_a:
        return (
            "both feed row after row, but the arrays hold the samples in another order",
            "rows-reordered",
            False,
        )
    if crosses(a, b, "keras", (3, 16)):
        versions = " vs. ".join(str(side.recipe.version["keras"]) for side in (a, b))
        text = f"Keras {versions}: since 3.16 the order depends on the epoch's number, on no seed"
        return text, "keras-shuffle-3-16", False
    repeats = _repeats(one.epochs), _repeats(two.epochs)
    text = "both shuffle, with other draws" + _repetition(one.epochs, two.epochs)
    backends = [r.backend.get("backend") for r in (a.recipe, b.recipe)]
    drawn_from = {"jax": "numpy", "torch": "torch", "tensorflow": "tensorflow"}
    generators = [drawn_from.get(str(backend), "numpy") for backend in backends]
    seeded = [
        seeds.seeding_of(side, seeds.ledger_at(side), generator)
        for side, generator in zip((a, b), generators, strict=True)
    ]
    differently = seeds.other_seedings(a, b, *seeded)
    if differently is not None:
        said = f"{text}; {differently.detail}"
        return said, differently.mechanism, differently.intended
    if repeats[0] != repeats[1] and "tensorflow" in backends:
        return text, "tf-one-permutation", False
    alike = seeds.seeded_alike(a, b, *seeded) if backends == ["torch", "torch"] else ""
    if alike and any(t.path == TORCH for side in (a, b) for t in side.recipe.noise):
        text += (
            f"; torch shuffles by its global generator, which both seed alike ({alike}), and "
            "random layers draw from it, too"
        )
        return text, "torch-one-generator", False
    if backends == ["jax", "jax"]:
        return text, "jax-numpy-order", False
    return text, "other-shuffle", False


def _repetition(one: Sequence[np.ndarray], two: Sequence[np.ndarray]) -> str:
    names = [name for name, epochs in (("A", one), ("B", two)) if _repeats(epochs)]
    if not names:
        return ""
    return f"; {' and '.join(names)} repeat{'s' * (len(names) == 1)} one order in every epoch"


def _repeats(epochs: Sequence[np.ndarray]) -> bool:
    return len(epochs) > 1 and all(np.array_equal(e, epochs[0]) for e in epochs[1:])


def _carried_over(side: Side) -> bool:
    """Whether several workers load the data and an epoch was fed some samples more than once."""
    workers = side.fit.notes.get("workers")
    twice = fed_twice(side.recipe.data_order.epochs)
    return isinstance(workers, int) and workers > 1 and twice


def _ascending(epochs: Sequence[np.ndarray]) -> bool:
    return all(bool((np.diff(e) >= 0).all()) for e in epochs)


def _straight(epochs: Sequence[np.ndarray]) -> bool:
    return all(in_sequence(np.asarray(e)) for e in epochs)


def _batches_only(a: Recipe, b: Recipe) -> bool:
    if "batch" not in (a.data_content.unit, b.data_content.unit):
        return False
    sizes = [r.batch_size.epochs[0] if r.batch_size.epochs else np.empty(0) for r in (a, b)]
    n = min(map(len, sizes))
    return a.data_content.unit != b.data_content.unit or not np.array_equal(
        sizes[0][:n], sizes[1][:n]
    )


SOURCE = Source(
    id=ID,
    title="the order of the samples",
    random=True,
    kind="data",
    compare=compare,
    says=(
        "Which sample is fed at which position of every epoch. What counts is what was fed, "
        "not what `shuffle=` says."
    ),
    carried=(
        "Yes: the recorded samples are fed in the order of the other training. Where both "
        "have other samples, positions are transferred as far as the data go."
    ),
    looks_like="Equal initial weights, but the first batch already holds other samples.",
    fix=FIX,
)
