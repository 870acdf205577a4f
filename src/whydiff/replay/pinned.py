"""Data that come in a given order: recorded batches through Keras's own data adapter interface."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

import numpy as np

from whydiff.keras_backend import adapter
from whydiff.keras_backend.internals import data_adapter
from whydiff.keras_backend.patches import accept_adapters, install
from whydiff.replay.probe import Probe

install(accept_adapters)

DataAdapter: Any = data_adapter()
Leaves = list[Any]


class PinnedData(DataAdapter):  # type: ignore[misc]  # Keras has no types
    """Feeds, in epoch ``self.epoch``, exactly the batches that ``epochs(self.epoch)`` yields.

    ``structure`` is a batch as Keras passed it, whose nesting the leaves are packed into;
    ``like`` is what the backend's feed must look like (None: taken from the first batch), for
    batches of as many samples as ``sizes`` tells (none: as in ``like``).
    """

    def __init__(
        self,
        epochs: Callable[[int], Iterable[Leaves]],
        count: Callable[[int], int],
        structure: Any,
        like: Any = None,
        sizes: Callable[[], Collection[int]] = tuple,
    ) -> None:
        self._epochs, self._count = epochs, count
        self._structure, self._like, self._sizes = structure, like, sizes
        self.epoch = 0
        self._dataset: Any = None

    def _batches(self) -> Iterable[Any]:
        import keras

        for leaves in self._epochs(self.epoch):
            yield keras.tree.pack_sequence_as(self._structure, leaves)

    def get_numpy_iterator(self) -> Any:
        return self._batches()

    def get_jax_iterator(self) -> Any:
        return adapter().feed(self._batches, self._like, self._sizes)

    def get_tf_dataset(self) -> Any:
        if self._dataset is None:  # TensorFlow traces what feeds it
            self._dataset = adapter().feed(self._batches, self._like, self._sizes)
        return self._dataset

    def get_torch_dataloader(self) -> Any:
        return adapter().feed(self._batches, self._like, self._sizes)

    @property
    def num_batches(self) -> int:
        return self._count(self.epoch)

    @property
    def batch_size(self) -> int | None:
        return None

    @property
    def has_partial_batch(self) -> bool:
        return False

    @property
    def partial_batch_size(self) -> int | None:
        return None


def probing(probe: Probe | None) -> PinnedData | None:
    """What feeds a probe, each time that something is predicted on it."""
    return None if probe is None else fixed(*probe)


def fixed(batches: list[Leaves], structure: Any, like: Any = None) -> PinnedData:
    """The same batches at every pass, for validation and prediction."""
    return PinnedData(
        lambda _: batches, lambda _: len(batches), structure, like, lambda: _sizes(batches)
    )


def _sizes(batches: list[Leaves]) -> set[int]:
    firsts = (next((leaf for leaf in leaves if leaf is not None), None) for leaves in batches)
    return {len(leaf) for leaf in firsts if leaf is not None and np.ndim(leaf)}
