"""Who is fed what: the order of one fit, the samples of another, cut as a third cut them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from whydiff.core.live import Live, Samples
from whydiff.core.recipe import Content, Recipe

#: Why a source was not taken from B: with a budget nothing goes on after it.
NO_TIME = "no time was left to train with it (--budget)"


class TransferError(Exception):
    """A field that cannot be carried from one fit into the other; the message says why."""


class OutOfTime(TransferError):
    """The process that was to do it has been ended: the time for all that is run is over."""

    def __init__(self) -> None:
        super().__init__(NO_TIME)


def translation(source: Content, target: Content) -> np.ndarray:
    """For each sample of ``source`` the index of its counterpart in ``target``, shape (n,).

    Equal samples where both hold the same ones, else equal positions; -1 where there is none.
    """
    if source.unit != target.unit:
        raise TransferError("one training was fed samples, the other whole batches")
    if _multiset(source) == _multiset(target):
        where: dict[bytes, list[int]] = {}
        for index, row in enumerate(target.samples):
            where.setdefault(row.tobytes(), []).append(index)
        for indices in where.values():
            indices.reverse()
        return np.array([where[row.tobytes()].pop() for row in source.samples], np.int64)
    positions = np.arange(len(source.samples), dtype=np.int64)
    return np.where(positions < len(target.samples), positions, -1)


def one_pool(a: Recipe, b: Recipe) -> bool:
    """Whether two streams show other parts of one pool of samples, in every epoch another.

    A shuffled stream that is cut short does that (``shuffle(...).batch(...).take(20)``): which
    samples it shows is a matter of their order. Told by the epochs of A and B having as much in
    common as two epochs of one of them.
    """
    if not (a.data_order.relative and b.data_order.relative):
        return False
    if "batch" in (a.data_content.unit, b.data_content.unit):
        return False
    one, two = _shown(a), _shown(b)
    if len(one) < 2 or len(two) < 2:
        return False
    own = _overlap(*one), _overlap(*two)
    if not all(0 < overlap < 1 for overlap in own):
        return False  # one repeats its samples, or makes new ones: no parts of a pool
    if changed_in_place(a, b):
        return False
    shared = sum(own) / 2
    between = sum(_overlap(p, q) for p in one for q in two) / 4
    if between < _AS_MUCH * shared:
        return False
    # Epochs of one number that agree by more than chance hold the same samples changed in part.
    chance = shared + 4 * (shared * (1 - shared) / min(map(len, (*one, *two)))) ** 0.5
    return bool(max(_overlap(p, q) for p, q in zip(one, two, strict=True)) <= chance)


def changed_in_place(a: Recipe, b: Recipe) -> str:
    """How many places show one sample in both of two streams, where what they share comes at equal
    places: they agree in the order, and other samples were changed, as an augmentation does; "" if
    they do not."""
    if not (a.data_order.relative and b.data_order.relative):
        return ""
    if "batch" in (a.data_content.unit, b.data_content.unit):
        return ""
    lanes = [np.asarray(r.data_content.samples, np.uint64)[:, 0] for r in (a, b)]
    places = equal = 0
    for p, q in zip(a.data_order.epochs, b.data_order.epochs, strict=False):
        if len(p) != len(q):
            return ""
        one, two = lanes[0][p], lanes[1][q]
        same = int((one == two).sum())
        # In another order about one sample of an epoch comes at its place by chance.
        if same <= _BY_CHANCE or same < _AS_MUCH * int(np.isin(one, two).sum()):
            return ""
        places, equal = places + len(p), equal + same
    return f"{equal} of {places}" if equal < places else ""


#: Samples of an epoch that may come at one place in two orders that have nothing in common.
_BY_CHANCE = 8
#: How much of what two epochs of one stream have in common those of two streams must have.
_AS_MUCH = 0.9


def _shown(recipe: Recipe) -> list[np.ndarray]:
    """Of the first two epochs, which samples they showed: one lane of the digests tells."""
    lane = np.asarray(recipe.data_content.samples, np.uint64)[:, 0]
    return [np.unique(lane[epoch]) for epoch in recipe.data_order.epochs[:2] if len(epoch)]


def _overlap(one: np.ndarray, two: np.ndarray) -> float:
    return len(np.intersect1d(one, two, assume_unique=True)) / min(len(one), len(two))


def _multiset(content: Content) -> bytes:
    order = np.lexsort((content.samples[:, 1], content.samples[:, 0]))
    return content.samples[order].tobytes()


@dataclass(frozen=True, eq=False)
class Plan:
    """Indices of every batch of every epoch, into the samples of the content's side."""

    content: Live
    order: Live
    cut: Live
    objective: Live
    spare: Live  # lends its order where the order's side trained fewer epochs

    def epoch(self, number: int) -> list[np.ndarray]:
        """The batches of one epoch, each an int64 array of sample indices."""
        sequence = self._sequence(number)
        sizes = self._sizes(number, len(sequence))
        ends = np.cumsum(sizes)
        return [sequence[end - size : end] for size, end in zip(sizes, ends, strict=True)]

    def sizes(self) -> frozenset[int]:
        """The numbers of samples that batches have; none where samples are whole batches."""
        if self.content.recipe.data_content.unit == "batch":
            return frozenset()
        epochs = range(len(self.order.material.order))
        return frozenset(len(batch) for number in epochs for batch in self.epoch(number))

    def _sequence(self, number: int) -> np.ndarray:
        for live in (self.order, self.spare):
            if number < len(live.material.order):
                order = live.material.order[number]
                break
        else:  # longer than either was watched: the order that is known, over again
            live = self.order
            order = live.material.order[number % len(live.material.order)]
        if live is self.content:
            return order
        source, target = live.recipe.data_content, self.content.recipe.data_content
        known = self._to_content if live is self.order else translation(source, target)
        moved: np.ndarray = known[order]
        moved = moved[moved >= 0]
        if len(target.samples) > len(source.samples) and len(order) >= len(source.samples):
            extra = np.arange(len(source.samples), len(target.samples), dtype=np.int64)
            moved = np.concatenate([moved, extra])
        return moved

    @cached_property
    def _to_content(self) -> np.ndarray:
        return translation(self.order.recipe.data_content, self.content.recipe.data_content)

    @cached_property
    def _to_weights(self) -> np.ndarray:
        return translation(self.content.recipe.data_content, self.objective.recipe.data_content)

    def _sizes(self, number: int, length: int) -> list[int]:
        material = self.cut.material
        sizes = material.batches[number % len(material.batches)]
        if int(sizes.sum()) == length:
            return [int(s) for s in sizes]
        if self.content.recipe.data_content.unit == "batch":
            return [1] * length
        size = int(sizes[0])
        full, rest = divmod(length, size)
        cut = [size] * full
        # Arrays never lose their last samples; a stream that only ever showed full batches may
        # have dropped a rest that it never showed.
        stream = self.cut.recipe.data_order.relative
        drops_rest = stream and bool((sizes == size).all()) and len(sizes) >= full
        if rest and not drops_rest:
            cut.append(rest)
        if self.cut.recipe.batch_size.facts.get("steps_per_epoch"):
            cut = cut[: len(sizes)]
        return cut

    def leaves(self, indices: np.ndarray) -> list[object]:
        """Leaves of one batch in the order of the objective side's structure."""
        content, weighing = self.content.material.samples, self.objective.material.samples
        batch = content.batch(indices)
        if weighing is content:
            return list(batch)
        xy = [leaf for leaf, role in zip(batch, content.roles, strict=True) if role != "weight"]
        return xy + self._weights(indices, weighing)

    def _weights(self, indices: np.ndarray, weighing: Samples) -> list[object]:
        roles = [i for i, role in enumerate(weighing.roles) if role == "weight"]
        if weighing.leaves is None:
            return []
        if all(weighing.leaves[i] is None for i in roles):  # ``train_on_batch`` without any
            return [None] * len(roles)
        moved = self._to_weights
        if (moved[indices] < 0).any():
            raise TransferError("the sample weights of one training do not fit the other's data")
        batch = weighing.batch(moved[indices])
        return [batch[i] for i in roles]

    def batches(self, number: int) -> Iterator[list[object]]:
        """Leaves of every batch of one epoch."""
        for indices in self.epoch(number):
            yield self.leaves(indices)
