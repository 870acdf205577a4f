"""Orders drawn anew, resampled training data and other batch sizes, as arrays of indices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from whydiff.core.feeding import TransferError
from whydiff.core.live import Live

#: Draws one permutation of n: called once per pass over the data.
Permute = Callable[[int], np.ndarray]


def epochs_of(live: Live) -> int:
    """How many epochs ``fit`` was asked for."""
    return int(live.fit_arguments["epochs"]) - int(live.fit_arguments["initial_epoch"])


def recorded_order(live: Live) -> list[np.ndarray]:
    """The order that was fed; over again where training may last longer than was watched."""
    order = live.material.order
    return [order[epoch % len(order)] for epoch in range(epochs_of(live))]


def check_shuffles(live: Live) -> None:
    """Raise TransferError where the order of this fit is no matter of chance."""
    assert live.origins is not None
    order = live.material.order
    if live.origins.rows is not None:
        if not live.origins.shuffle:
            raise TransferError("fit was called with shuffle=False")
    elif len(order) < 2:
        raise TransferError("one epoch of a stream does not show whether it is shuffled")
    elif all(np.array_equal(epoch, order[0]) for epoch in order[1:]):
        raise TransferError("the stream came in the same order every epoch")


def redrawn_order(live: Live, permute: Permute) -> list[np.ndarray]:
    """A new order for every epoch, of as many samples as were fed in it."""
    assert live.origins is not None
    rows = live.origins.rows
    if rows is None:  # a stream: what came, in another order
        return [epoch[permute(len(epoch))] for epoch in recorded_order(live)]
    if live.origins.shuffle == "batch":
        return [_within_batches(live, rows, permute) for _ in range(epochs_of(live))]
    recorded = live.material.order
    repeats = len(recorded) > 1 and all(np.array_equal(e, recorded[0]) for e in recorded[1:])
    if live.origins.shuffle and repeats:
        first = rows[permute(len(rows))]  # TensorFlow, once seeded, repeats one permutation
        return [first] * epochs_of(live)
    passes = _passes(rows, permute)
    if live.recipe.batch_size.facts.get("steps_per_epoch"):
        return _cut(passes, [len(epoch) for epoch in recorded_order(live)])
    return [next(passes) for _ in range(epochs_of(live))]


def _passes(rows: np.ndarray, permute: Permute) -> Iterator[np.ndarray]:
    while True:
        yield rows[permute(len(rows))]


def _cut(passes: Iterator[np.ndarray], lengths: Sequence[int]) -> list[np.ndarray]:
    """An epoch of a set number of steps goes on where the one before it stopped."""
    found, rest = [], np.empty(0, np.int64)
    for length in lengths:
        while len(rest) < length:
            rest = np.concatenate([rest, next(passes)])
        found.append(rest[:length])
        rest = rest[length:]
    return found


def _within_batches(live: Live, rows: np.ndarray, permute: Permute) -> np.ndarray:
    size = int(live.recipe.batch_size.facts.get("batch_size") or 32)
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    return np.concatenate([part[permute(len(part))] for part in parts])


def unshuffled_order(live: Live) -> list[np.ndarray]:
    """The samples in their own order, every epoch."""
    assert live.origins is not None
    rows = live.origins.rows
    if rows is None:
        raise TransferError("a stream's order without shuffling is not known")
    return [np.resize(rows, len(epoch)) for epoch in recorded_order(live)]


def resampled(live: Live, order: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
    """The same order over training data drawn with replacement from the training data."""
    assert live.origins is not None
    samples = live.material.samples
    if samples.unit == "batch":
        raise TransferError("training was fed whole batches, which cannot be resampled")
    generator = np.random.default_rng(np.random.SeedSequence([seed, 0xB007]))
    rows = live.origins.rows
    if rows is None:
        rows = np.arange(len(samples))
    drawn = rows[generator.integers(0, len(rows), len(rows))]
    place = places(rows, len(samples))
    return [drawn[place(epoch)] for epoch in order]


def places(rows: np.ndarray, samples: int) -> Callable[[np.ndarray], np.ndarray]:
    """Row numbers of a sequence of samples; equal samples take their rows in turn."""
    if len(rows) == samples and np.array_equal(rows, np.arange(samples)):
        return lambda epoch: epoch
    rows_of: dict[int, list[int]] = {}
    for row, sample in enumerate(rows):
        rows_of.setdefault(int(sample), []).append(row)

    def place(epoch: np.ndarray) -> np.ndarray:
        seen: dict[int, int] = {}
        found = np.empty(len(epoch), np.int64)
        for position, sample in enumerate(epoch.tolist()):
            count = seen.get(sample, 0)
            seen[sample] = count + 1
            found[position] = rows_of[sample][count % len(rows_of[sample])]
        return found

    return place


def recorded_batches(live: Live, order: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Batch sizes as they were, over again like the order.

    An epoch that was cut short when it was watched says nothing about a whole one.
    """
    sizes = live.material.batches
    found = []
    for number, epoch in enumerate(order):
        own = sizes[number % len(sizes)]
        if int(own.sum()) != len(epoch):
            full, rest = divmod(len(epoch), int(own[0]))
            own = np.array([int(own[0])] * full + ([rest] if rest else []), np.int64)
        found.append(own)
    return found


def cut_anew(live: Live, order: Sequence[np.ndarray], size: int) -> list[np.ndarray]:
    """Batches of ``size`` samples; a last smaller one where the recorded epochs had one."""
    if live.material.samples.unit == "batch":
        raise TransferError("training was fed whole batches, which cannot be cut anew")
    if live.recipe.batch_size.facts.get("steps_per_epoch"):
        raise TransferError("steps_per_epoch fixes how many batches an epoch has")
    recorded = [sizes for sizes in live.material.batches if len(sizes)]
    assert live.origins is not None
    drops = live.origins.rows is None and all((s == s[0]).all() for s in recorded)
    found = []
    for epoch in order:
        full, rest = divmod(len(epoch), size)
        found.append(np.array([size] * full + ([rest] if rest and not (drops and full) else [])))
    return found
