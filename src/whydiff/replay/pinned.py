"""Data that come in a given order: recorded batches through Keras's own data adapter interface."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from keras.src.trainers.data_adapters.data_adapter import DataAdapter

from whydiff.adapters import adapter

Leaves = list[Any]


class PinnedData(DataAdapter):
    """Feeds, in epoch ``self.epoch``, exactly the batches that ``epochs(self.epoch)`` yields.

    ``structure`` is a batch as Keras passed it, whose nesting the leaves are packed into;
    ``like`` is what the backend's feed must look like (None: taken from the first batch).
    """

    def __init__(
        self,
        epochs: Callable[[int], Iterable[Leaves]],
        count: Callable[[int], int],
        structure: Any,
        like: Any = None,
    ) -> None:
        self._epochs, self._count = epochs, count
        self._structure, self._like = structure, like
        self.epoch = 0

    def _batches(self) -> Iterable[Any]:
        import keras

        for leaves in self._epochs(self.epoch):
            yield keras.tree.pack_sequence_as(self._structure, leaves)

    def get_numpy_iterator(self) -> Any:
        return self._batches()

    def get_jax_iterator(self) -> Any:
        return adapter().feed(self._batches, self._like)

    def get_tf_dataset(self) -> Any:
        return adapter().feed(self._batches, self._like)

    def get_torch_dataloader(self) -> Any:
        return adapter().feed(self._batches, self._like)

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


def fixed(batches: list[Leaves], structure: Any, like: Any = None) -> PinnedData:
    """The same batches at every pass, for validation and prediction."""
    return PinnedData(lambda _: batches, lambda _: len(batches), structure, like)
