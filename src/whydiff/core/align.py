"""Which tensor of one model corresponds to which of another."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from difflib import SequenceMatcher

from whydiff.core.recipe import Tensor


def align(a: Sequence[Tensor], b: Sequence[Tensor]) -> list[tuple[int, int]]:
    """Pairs (index in ``a``, index in ``b``) of corresponding tensors of equal shape.

    Lists of equal shapes pair by position (two builds of one model), unless they hold the same
    paths in another order: then layers have names of the script's. Otherwise equal canonical paths
    with equal shapes pair first, and what is left pairs by position between them where role and
    shape agree, so that a layer put in between does not shift every later pair. Sorted by index in
    ``a``; no index comes twice.
    """
    if [t.shape for t in a] == [t.shape for t in b]:
        return by_name([(t.path, t.shape) for t in a], [(t.path, t.shape) for t in b])
    keys_a = [(t.path, t.shape) for t in a]
    keys_b = [(t.path, t.shape) for t in b]
    blocks = SequenceMatcher(None, keys_a, keys_b, autojunk=False).get_matching_blocks()
    anchors = [(m.a + k, m.b + k) for m in blocks for k in range(m.size)]
    moved = _moved(keys_a, keys_b, anchors)
    taken_a, taken_b = {i for i, _ in moved}, {j for _, j in moved}
    pairs = anchors + moved
    last_a = last_b = 0
    for i, j in [*anchors, (len(a), len(b))]:
        rows = [k for k in range(last_a, i) if k not in taken_a]
        columns = [k for k in range(last_b, j) if k not in taken_b]
        pairs += _same_shapes(a, b, rows, columns)
        last_a, last_b = i + 1, j + 1
    return sorted(pairs)


def by_name(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Pairs of positions by position, or by equal keys where ``b`` has those of ``a`` otherwise
    ordered."""
    where = {key: j for j, key in enumerate(b)}
    if len(where) == len(a) == len(b) and set(a) == set(where):
        return [(i, where[key]) for i, key in enumerate(a)]
    return [(i, i) for i in range(min(len(a), len(b)))]


def _moved(
    keys_a: Sequence[object], keys_b: Sequence[object], anchors: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Equal keys that the anchors leave out because they stand in another order."""
    used_a, used_b = {i for i, _ in anchors}, {j for _, j in anchors}
    free: dict[object, list[int]] = {}
    for j, key in enumerate(keys_b):
        if j not in used_b:
            free.setdefault(key, []).append(j)
    return [
        (i, free[key].pop(0)) for i, key in enumerate(keys_a) if i not in used_a and free.get(key)
    ]


def _same_shapes(
    a: Sequence[Tensor], b: Sequence[Tensor], rows: Sequence[int], columns: Sequence[int]
) -> list[tuple[int, int]]:
    shapes_a = [(a[i].role, a[i].shape) for i in rows]
    shapes_b = [(b[j].role, b[j].shape) for j in columns]
    blocks = SequenceMatcher(None, shapes_a, shapes_b, autojunk=False).get_matching_blocks()
    return [(rows[m.a + k], columns[m.b + k]) for m in blocks for k in range(m.size)]
