"""The batch size: how the samples of an epoch were cut into batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whydiff.core.findings import Finding
from whydiff.core.recipe import Batching
from whydiff.core.recording import Side
from whydiff.core.words import count
from whydiff.diagnosis.sources.facts import equal, show
from whydiff.diagnosis.sources.samples import BEGINNING, SAME, common
from whydiff.diagnosis.sources.source import Source, differs, identical, unknown

ID = "batch-size"
#: Mechanism: whole batches are shuffled, of which the last is smaller.
MOVED = "batches-moved"
FIX = (
    "Use the same batch_size= and steps_per_epoch= (and drop_remainder= in a tf.data pipeline); "
    "with another batch size adapt the learning rate."
)

DEFAULT_SIZE = 32  # what fit takes for arrays when batch_size is not given


def compare(a: Side, b: Side) -> Finding:
    """Compare the sizes of the batches of the common epochs."""
    one, two = a.recipe.batch_size, b.recipe.batch_size
    epochs = [(np.asarray(p), np.asarray(q)) for p, q in zip(one.epochs, two.epochs, strict=False)]
    if not epochs or all(len(p) == 0 or len(q) == 0 for p, q in epochs):
        return _facts_only(one, two)
    other = next((i for i, (p, q) in enumerate(epochs) if not np.array_equal(p, q)), None)
    if other is None:
        return identical(ID, f"{count(len(epochs), 'epoch')} of {_shown(epochs[0][0])}")
    p, q = epochs[other]
    if _cut_short(a, other, p, q) or _cut_short(b, other, q, p):
        return identical(
            ID,
            f"{count(other, 'epoch')} of {_shown(epochs[0][0])} in both; then one training stopped "
            "early",
        )
    arrays = not (a.recipe.data_order.relative or b.recipe.data_order.relative)
    total_a, total_b = int(p.sum()), int(q.sum())
    if arrays and len(p) == len(q) == 1 and _other_data(a, b):
        return identical(
            ID, f"one batch with all samples in both; the data have {total_a} and {total_b}"
        )
    size_a, size_b = _nominal(one, arrays), _nominal(two, arrays)
    if size_a != size_b:
        return differs(
            ID,
            f"batches of {size_a} vs. {size_b}",
            FIX,
            detail=f"batches of {size_a} vs. {size_b}: {len(p)} and {len(q)} steps an epoch",
            intended=True,
        )
    return _same_size(a, b, other, p, q, size_a)


def _cut_short(side: Side, epoch: int, mine: np.ndarray, theirs: np.ndarray) -> bool:
    """Whether this side's last epoch merely ended early (killed, or stopped by a callback)."""
    last = epoch == len(side.recipe.batch_size.epochs) - 1
    early = epoch > 0 or not side.fit.finished
    return last and early and len(mine) < len(theirs) and np.array_equal(mine, theirs[: len(mine)])


def _other_data(a: Side, b: Side) -> bool:
    return common(a.recipe, b.recipe).kind not in (SAME, BEGINNING)


def _same_size(a: Side, b: Side, epoch: int, p: np.ndarray, q: np.ndarray, size: int) -> Finding:
    """Batches of one size, but other numbers of them: other data, or cut differently?"""
    steps_a, steps_b = (s.recipe.batch_size.facts.get("steps_per_epoch") for s in (a, b))
    if not equal(steps_a, steps_b):
        evidence = (
            f"epoch {epoch + 1}: {len(p)} vs. {len(q)} steps "
            f"(steps_per_epoch {show(steps_a)} vs. {show(steps_b)})"
        )
        never = _never_fed(a, b)
        if never:
            return differs(ID, f"{evidence}; {never}", FIX, mechanism="rows-left-out")
        return differs(ID, evidence, FIX, intended=True)
    total_a, total_b = int(p.sum()), int(q.sum())
    arrays = not (a.recipe.data_order.relative or b.recipe.data_order.relative)
    if total_a != total_b and (arrays or _other_data(a, b)):
        # Arrays are always fed whole, so another number of samples is another data set.
        parts = f"an epoch has {len(p)} and {len(q)} of them"
        if len(p) == len(q):
            parts = f"the last of an epoch has {p[-1]} and {q[-1]} samples"
        return identical(
            ID,
            f"batches of {size} in both; {parts} because the data have {total_a} rather than "
            f"{total_b} samples",
        )
    if np.array_equal(np.sort(p), np.sort(q)):
        first = int((p != q).argmax())
        evidence = (
            f"epoch {epoch + 1}: {_shown(p)} in both, in another order: batch {first + 1} has "
            f"{p[first]} in A and {q[first]} in B"
        )
        return differs(ID, evidence, FIX, mechanism=MOVED)
    never = _never_fed(a, b)
    left_out = f"; {never}" if never else ""
    evidence = f"epoch {epoch + 1}: {_shown(p)} vs. {_shown(q)} of the same data{left_out}"
    return differs(ID, evidence, FIX, mechanism="last-batch", intended=True)


def _never_fed(a: Side, b: Side) -> str:
    """Says so where one side is fed a few samples less than the other, in all its epochs."""
    relation = common(a.recipe, b.recipe)
    sizes = relation.size_a, relation.size_b
    left_out = max(sizes) - relation.shared
    if relation.shared != min(sizes) or not 0 < left_out <= max(sizes) / 4:
        return ""
    name = "A" if sizes[0] < sizes[1] else "B"
    return f"{left_out} of {max(sizes)} samples never come in {name}"


def _facts_only(one: Batching, two: Batching) -> Finding:
    keys = [k for k in ("batch_size", "steps_per_epoch") if one.facts.get(k) is not None]
    if not keys or any(not equal(one.facts.get(k), two.facts.get(k)) for k in keys):
        return unknown(ID, "no batch was recorded in A or in B")
    return identical(
        ID, ", ".join(f"{k}: {show(one.facts[k])}" for k in keys) + " asked for in both"
    )


def _nominal(batching: Batching, arrays: bool) -> int:
    """The size that was asked for, or else the largest one seen."""
    asked = batching.facts.get("batch_size")
    largest = max((int(e.max(initial=0)) for e in map(np.asarray, batching.epochs)), default=0)
    if asked is None and arrays:
        asked = DEFAULT_SIZE
    if isinstance(asked, int) and not isinstance(asked, bool) and asked >= largest:
        return asked
    return largest


def _shown(sizes: np.ndarray | Sequence[int]) -> str:
    """``28 batches of 64 and one of 5``."""
    values, counts = np.unique(np.asarray(sizes, np.int64), return_counts=True)
    if len(values) == 0:
        return "no batches"
    if len(values) > 2:
        return f"{int(counts.sum())} batches of {int(values[0])} to {int(values[-1])}"
    often = sorted(zip(values, counts, strict=True), key=lambda item: -item[1])
    parts = [f"{int(n)} batches of {int(v)}" if n > 1 else f"one of {int(v)}" for v, n in often]
    if int(often[0][1]) == 1:
        parts[0] = f"one batch of {int(often[0][0])}"
    return " and ".join(parts)


SOURCE = Source(
    id=ID,
    title="the batch size",
    random=False,
    kind="data",
    compare=compare,
    says=(
        "How the samples of an epoch are cut into batches: their size, their number, and what"
        " becomes of a smaller last one."
    ),
    carried="Yes: the same samples in the same order are cut as the other training cut them.",
    looks_like="Another number of steps in an epoch; larger batches learn slower per epoch.",
    fix=FIX,
)
