"""Comparing two lists of tensors by digest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from whydiff.core.recipe import Tensor, align
from whydiff.core.words import count

Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Pairs:
    """Aligned tensors, sorted by whose they are.

    ``fresh``: no earlier fit left the value in either; ``trained``: one did; ``recast``: of
    other dtypes, so that bits say nothing. ``alone``: paths without a partner of equal shape.
    """

    fresh: tuple[Pair, ...]
    trained: tuple[Pair, ...]
    recast: tuple[Pair, ...]
    alone: tuple[str, ...]

    @property
    def all_equal(self) -> bool:
        """Whether there are pairs, and every one has equal digests."""
        some = self.fresh + self.trained
        return bool(some) and not self.recast and not differing(some)


def pair(a: Sequence[Tensor], b: Sequence[Tensor]) -> Pairs:
    """Align two lists of tensors and sort the pairs."""
    indices = align(a, b)
    fresh: list[Pair] = []
    trained: list[Pair] = []
    recast: list[Pair] = []
    for i, j in indices:
        one, other = a[i], b[j]
        if one.dtype != other.dtype:
            recast.append((one, other))
        elif one.trained_by is None and other.trained_by is None:
            fresh.append((one, other))
        else:
            trained.append((one, other))
    taken_a, taken_b = {i for i, _ in indices}, {j for _, j in indices}
    alone = [t.path for i, t in enumerate(a) if i not in taken_a]
    alone += [t.path for j, t in enumerate(b) if j not in taken_b]
    return Pairs(tuple(fresh), tuple(trained), tuple(recast), tuple(alone))


def differing(pairs: Iterable[Pair]) -> list[Pair]:
    """The pairs whose digests differ."""
    return [(a, b) for a, b in pairs if a.digest != b.digest]


def of_them(other: Sequence[Pair], every: Sequence[Pair], noun: str) -> str:
    """``2 of 4 weight tensors differ``, ``the seed state differs``."""
    if len(every) == 1:
        return f"the {noun} differs"
    return f"{len(other)} of {count(len(every), noun)} differ"


def equal_tensors(pairs: Sequence[Pair], noun: str) -> str:
    """Evidence of equality: ``all 4 weight tensors equal (a1b2c3d4…)``."""
    digest = pairs[0][0].digest[:8] if pairs else ""
    every = f"all {len(pairs)} {noun}s" if len(pairs) > 1 else f"the {noun}"
    return f"{every} equal ({digest}…)" if digest else f"{every} equal"


def placed(a: Tensor, b: Tensor) -> str:
    """The path of a pair, both names where they differ."""
    return a.path if a.path == b.path else f"{a.path} (B: {b.path})"
