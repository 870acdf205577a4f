"""Which samples two fits have in common, from their digests and the order they were fed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whydiff.core.recipe import Recipe

SAME, BEGINNING, PART, OTHER = "same", "beginning", "part", "other"


@dataclass(frozen=True, eq=False)
class Common:
    """How the samples of A and B relate.

    ``kind`` is ``same`` (the same samples, equally often), ``beginning`` (as far as both were
    fed they were fed the same; one went on, as an endless stream does), ``part`` (some are
    shared) or ``other`` (none is). ``ids_a[i]`` is a number of sample i of A, equal to
    ``ids_b[j]`` exactly if sample j of B has the same bytes; shapes (n of A,), (n of B,).
    ``shared``, ``size_a`` and ``size_b`` count distinct samples.
    """

    kind: str
    shared: int
    size_a: int
    size_b: int
    ids_a: np.ndarray
    ids_b: np.ndarray


def common(a: Recipe, b: Recipe) -> Common:
    """Compare the samples of two recipes; sorts, so O(n log n)."""
    ids_a, ids_b = _ids(a.data_content.samples, b.data_content.samples)
    top = 1 + int(max(ids_a.max(initial=-1), ids_b.max(initial=-1)))
    has_a, has_b = _present(_trained_on(a, ids_a), top), _present(_trained_on(b, ids_b), top)
    size_a, size_b, shared = int(has_a.sum()), int(has_b.sum()), int((has_a & has_b).sum())
    if size_a == size_b == shared:
        kind = PART if _fed_unequally(a, b, ids_a, ids_b) else SAME
    elif _one_goes_on(a, b, ids_a, ids_b):
        kind = BEGINNING
    else:
        kind = PART if shared else OTHER
    return Common(kind, shared, size_a, size_b, ids_a, ids_b)


def fed(ids: np.ndarray, epochs: Sequence[np.ndarray]) -> list[np.ndarray] | None:
    """The ids of the samples in the order they were fed; None if an index points nowhere."""
    out = []
    for epoch in epochs:
        epoch = np.asarray(epoch, np.int64)
        if len(epoch) and not (epoch.min() >= 0 and epoch.max() < len(ids)):
            return None
        out.append(ids[epoch])
    return out


def _trained_on(recipe: Recipe, ids: np.ndarray) -> np.ndarray:
    """The ids that came to a step: of a stream, Keras takes a batch more to build the model."""
    came = fed(ids, recipe.data_order.epochs) if recipe.data_order.relative else None
    return np.concatenate(came) if came else ids


def in_sequence(epoch: np.ndarray) -> bool:
    """Whether an epoch feeds the rows one after the other.

    Equal rows share one index, so an index may go back to one seen before, but a new one must
    be the next.
    """
    if len(epoch) == 0:
        return True
    highest = np.maximum.accumulate(epoch)
    return bool(epoch[0] == 0 and (np.diff(highest) <= 1).all())


def fed_twice(epochs: Sequence[np.ndarray]) -> bool:
    """Whether an epoch feeds a sample more than once: equal rows of arrays are one sample."""
    return any(len(np.unique(epoch)) < len(epoch) for epoch in epochs)


def same_every_epoch(recipe: Recipe) -> bool:
    """Whether every one of several epochs fed the same samples, in whichever order."""
    epochs = [np.sort(np.asarray(e)) for e in recipe.data_order.epochs if len(e)]
    return len(epochs) > 1 and all(np.array_equal(e, epochs[0]) for e in epochs[1:])


def _ids(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = (np.asarray(s, np.uint64).reshape(-1, 2) for s in (a, b))
    if np.array_equal(a, b):  # the usual case, at half the cost
        ids = _numbered(a)
        return ids, ids
    ids = _numbered(np.concatenate([a, b]))
    return ids[: len(a)], ids[len(a) :]


def _numbered(rows: np.ndarray) -> np.ndarray:
    """A number for every row, the same for equal rows."""
    # One lane nearly always tells rows apart and sorts several times faster than both.
    order = np.argsort(rows[:, 0])
    new = (rows[order[1:]] != rows[order[:-1]]).any(axis=1)
    if (new & (rows[order[1:], 0] == rows[order[:-1], 0])).any():
        order = np.lexsort((rows[:, 1], rows[:, 0]))
        new = (rows[order[1:]] != rows[order[:-1]]).any(axis=1)
    ids = np.empty(len(rows), np.int64)
    ids[order] = np.concatenate([[0], np.cumsum(new)]) if len(rows) else 0
    return ids


def _fed_unequally(a: Recipe, b: Recipe, ids_a: np.ndarray, ids_b: np.ndarray) -> bool:
    """Whether arrays of the same distinct samples repeat some of them differently.

    Only a whole pass over the arrays tells, so a limit on the steps of an epoch rules it out.
    """
    if a.data_order.relative or b.data_order.relative:
        return False
    if any(r.batch_size.facts.get("steps_per_epoch") is not None for r in (a, b)):
        return False
    if not a.data_order.epochs or not b.data_order.epochs:
        return False
    if not _whole(a, ids_a) or not _whole(b, ids_b):
        return False
    one, other = fed(ids_a, a.data_order.epochs[:1]), fed(ids_b, b.data_order.epochs[:1])
    if one is None or other is None:
        return False
    return not np.array_equal(np.sort(one[0]), np.sort(other[0]))


def _whole(recipe: Recipe, ids: np.ndarray) -> bool:
    """Whether the first epoch visited every sample."""
    first = fed(np.arange(len(ids)), recipe.data_order.epochs[:1])
    return first is not None and bool(_present(first[0], len(ids)).all())


def _present(ids: np.ndarray, top: int) -> np.ndarray:
    """Which numbers below ``top`` occur; much faster than a set of them."""
    present = np.zeros(top, bool)
    present[ids] = True
    return present


def _one_goes_on(a: Recipe, b: Recipe, ids_a: np.ndarray, ids_b: np.ndarray) -> bool:
    """Whether a stream was fed equally as far as both went, and one went on."""
    if not (a.data_order.relative or b.data_order.relative):
        return False
    one, other = fed(ids_a, a.data_order.epochs), fed(ids_b, b.data_order.epochs)
    if not one or not other:
        return False
    epochs = list(zip(one, other, strict=False))
    if all(len(p) == len(q) for p, q in epochs) and any(len(p) for p, _ in epochs):
        left, right = (np.sort(np.concatenate(side)) for side in zip(*epochs, strict=True))
        if np.array_equal(left, right):
            return True
    if all(_starts_alike(p, q) for p, q in epochs):
        return True
    return _starts_alike(np.concatenate(one), np.concatenate(other))


def _starts_alike(p: np.ndarray, q: np.ndarray) -> bool:
    n = min(len(p), len(q))
    return n > 0 and np.array_equal(p[:n], q[:n])
