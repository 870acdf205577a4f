"""Which tensor of one model corresponds to which of another."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from whydiff.core.recipe import Tensor


def align(a: Sequence[Tensor], b: Sequence[Tensor]) -> list[tuple[int, int]]:
    """Pairs (index in ``a``, index in ``b``) of corresponding tensors of equal shape.

    Lists of equal shapes pair by position (two builds of one model). Otherwise equal canonical
    paths with equal shapes pair first, and what is left pairs by position between them where
    shapes agree, so that a layer put in between does not shift every later pair.
    """
    if [t.shape for t in a] == [t.shape for t in b]:
        return [(i, i) for i in range(len(a))]
    keys_a = [(t.path, t.shape) for t in a]
    keys_b = [(t.path, t.shape) for t in b]
    pairs: list[tuple[int, int]] = []
    blocks = SequenceMatcher(None, keys_a, keys_b, autojunk=False).get_matching_blocks()
    last_a = last_b = 0
    for block in blocks:
        pairs += _same_shapes(a, b, range(last_a, block.a), range(last_b, block.b))
        pairs += [(block.a + k, block.b + k) for k in range(block.size)]
        last_a, last_b = block.a + block.size, block.b + block.size
    return pairs


def _same_shapes(
    a: Sequence[Tensor], b: Sequence[Tensor], rows: range, columns: range
) -> list[tuple[int, int]]:
    shapes_a = [(a[i].role, a[i].shape) for i in rows]
    shapes_b = [(b[j].role, b[j].shape) for j in columns]
    blocks = SequenceMatcher(None, shapes_a, shapes_b, autojunk=False).get_matching_blocks()
    return [(rows[m.a + k], columns[m.b + k]) for m in blocks for k in range(m.size)]
