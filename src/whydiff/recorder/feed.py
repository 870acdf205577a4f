"""What a fit is fed: its samples, their order and batches, its validation data."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from whydiff.core.digests import ordered_digest, row_digests
from whydiff.core.interrupting import HANDLERS, pass_on
from whydiff.core.live import Samples
from whydiff.core.recipe import Batching, Content, Order
from whydiff.keras_backend.base import Backend
from whydiff.keras_backend.internals import draws_in_maps
from whydiff.keras_backend.leaves import flatten, leaf_roles
from whydiff.recorder.batches import Batch, OrderedRows
from whydiff.recorder.samples import SampleBook, array_rows, as_array

#: Bytes of batches that wait to be identified together; a larger batch never waits.
_TOGETHER = 256 * 2**10

#: what a person calls the data that an adapter of Keras reads
KINDS = {
    "ArrayDataAdapter": "arrays",
    "GeneratorDataAdapter": "generator",
    "PyDatasetAdapter": "PyDataset",
    "TFDatasetAdapter": "tf.data",
    "TorchDataLoaderAdapter": "torch DataLoader",
    # Keras 2's
    "TensorLikeDataAdapter": "arrays",
    "GenericArrayLikeDataAdapter": "arrays",
    "DatasetAdapter": "tf.data",
    "KerasSequenceAdapter": "PyDataset",
}

#: where no code of the script's runs while a batch is fetched
_NO_PIPELINES = ("arrays", "train_on_batch", "loop")


def kind_of(data_adapter: Any) -> str:
    """What a person calls the data that a data adapter reads."""
    name = type(data_adapter).__name__
    return KINDS.get(name, name.removesuffix("Adapter"))


class Feed:
    """Sees every batch on its way into the step or into ``fit``'s own validation."""

    def __init__(self, adapter: Backend, keep_bytes: int) -> None:
        self._adapter = adapter
        self.keeps = keep_bytes > 0  # samples, as many as fit; else only their digests
        self._keep_bytes = keep_bytes
        self._book = SampleBook(adapter.to_numpy, keep_bytes)
        self._pending: deque[Batch] = deque()  # shown and in no step so far
        self._unknown: list[Batch] = []
        self._unknown_bytes = 0
        self._claimed = False
        self._ordered: OrderedRows | None = None  # instead of batches that are shown
        self._epoch: list[Batch] = []
        self._validation_passes = 0
        self._pass: list[list[Any]] = []
        self._pass_digest = ""
        self.trouble = ""
        self.arrived: Callable[[], None] = lambda: None  # called when a batch is there
        self._validation_bytes = 0
        self.signature: Any = None
        self.kind = ""
        self._batch_size: int | None = None
        self.workers = 0  # of a PyDataset
        self.random_map: bool | None = None  # of a tf.data pipeline; None: none, or not known
        self.settings: list[np.float64] = []  # plain numbers that a loop's step was called with
        self.rows: np.ndarray | None = None  # sample index of each row of the arrays fed
        self.peeks = 0
        self._passes = 0
        self.order: list[np.ndarray] = []
        self.batches: list[np.ndarray] = []
        self.validation: list[list[Any]] = []
        #: passes (counting from 0) whose batches were not those of the first pass
        self.validation_later: dict[int, list[list[Any]]] = {}
        self.validation_structure: Any = None
        self.validation_digest = ""
        self._validation_rows: list[np.ndarray] = []  # of the first pass

    # --- the way of the data ------------------------------------------------------------------

    def claim(self, iterator: Any, order: Any) -> str:
        """The first epoch iterator made during a fit feeds the training, later ones validate.

        ``order`` tells, if it is not None, in which order every pass takes the rows of arrays.
        """
        if self._claimed:
            return "validation"
        self._claimed = True
        data = iterator.data_adapter
        rows = None
        with self._unharmed():
            rows = array_rows(data)
        self.begin(kind_of(data), getattr(data, "batch_size", None), rows, order)
        self.workers = int(getattr(getattr(data, "py_dataset", None), "workers", 0) or 0)
        with self._unharmed():
            self.random_map = draws_in_maps(data)
        return "training"

    def begin(
        self, kind: str, batch_size: int | None, rows: Iterable[Any] | None, order: Any = None
    ) -> None:
        """Data of that kind feed the training. ``rows`` are an array's samples in their order."""
        self.kind, self._batch_size = kind, None if batch_size is None else int(batch_size)
        with self._unharmed():
            if rows is not None:
                self.rows, digests = self._book.register(rows)
                if order is not None and self._batch_size is not None:
                    self._ordered = OrderedRows(order, self.rows, digests, self._batch_size)

    def tee(self, iterable: Any, role: str, varies: bool) -> Any:
        """``iterable`` with our eyes on it; asked for once per pass. ``varies``: whether another
        pass may bring other data; arrays are validated on in their own order."""
        if role == "training":
            self.signature = self._adapter.signature(iterable)
            begun = self._pending or (self._ordered is not None and self._ordered.looked_at)
            if begun and not self._epoch and not self.order:
                self.peeks = self._passes
            self._passes += 1
            if self._ordered is not None:
                self._ordered.begin_pass()
                return iterable
            self._pending.clear()  # batches shown for building the model were not trained on
            teed = self._adapter.tee(iterable, self.show)
            if teed is None:
                what = type(iterable).__name__
                self.trouble = f"batches of a {what} cannot be seen on their way into a step"
            return iterable if teed is None else teed
        self.end_validation()
        if self._validation_passes and not varies:
            return iterable
        teed = self._adapter.tee(iterable, self._show_validation)
        return iterable if teed is None else teed

    def draws_elsewhere(self, hands_on: bool) -> bool:
        """Whether data may be drawn while a step runs, in threads or, unless batches are handed
        on one by one, by a pipeline of the script's."""
        return self.workers > 1 or not (hands_on or self.kind in _NO_PIPELINES)

    def end_validation(self) -> None:
        """A pass over the validation data is over: kept where it was not like the first."""
        batches, digest = self._pass, self._pass_digest
        self._pass, self._pass_digest = [], ""
        if not digest:  # Keras may ask for an iterator that it then does not use
            return
        self._validation_passes += 1
        if not self.validation_digest:
            self.validation, self.validation_digest = batches, digest
        elif digest != self.validation_digest:
            self._validation_bytes += sum(a.nbytes for b in batches for a in b if a is not None)
            if self._validation_bytes <= self._keep_bytes:
                self.validation_later[self._validation_passes - 1] = batches

    def show(self, structure: Any) -> None:
        """A batch on its way into the step, which begins once this returns."""
        before = HANDLERS.put_off()
        try:  # no context manager: that takes longer than the rest
            self.arrived()
            leaves = self._book.leaves(structure)
            size = sum(leaf.nbytes for leaf in leaves if leaf is not None)
            waits = size <= _TOGETHER and self._book.unit == "sample"
            if waits:  # by then its memory may hold another batch
                leaves = [None if leaf is None else np.array(leaf) for leaf in leaves]
            batch = Batch(leaves)
            self._pending.append(batch)
            self._unknown.append(batch)
            self._unknown_bytes += size
            if not waits or self._unknown_bytes > _TOGETHER:
                self.identify()
        except Exception as error:
            pass_on(error)
            self._harmed(error)
        finally:
            HANDLERS.go_on(before)

    def identify(self) -> None:
        """Find out which samples the batches shown so far held."""
        batches, self._unknown, self._unknown_bytes = self._unknown, [], 0
        found = self._book.add([batch.leaves for batch in batches])
        for batch, (indices, rows) in zip(batches, found, strict=True):
            batch.indices, batch.rows, batch.leaves = indices, rows, []

    def _show_validation(self, structure: Any) -> None:
        with self._unharmed():
            self._keep_validation(structure)

    @contextlib.contextmanager
    def _unharmed(self) -> Iterator[None]:
        """Trouble of ours with a batch must not reach the training; the watch reports it."""
        before = HANDLERS.put_off()
        try:
            yield
        except Exception as error:
            pass_on(error)
            self._harmed(error)
        finally:
            HANDLERS.go_on(before)

    def _harmed(self, error: Exception) -> None:
        self.trouble = self.trouble or f"{type(error).__name__}: {error}"

    def _keep_validation(self, structure: Any) -> None:
        leaves = [
            None if leaf is None else np.array(as_array(leaf, self._adapter.to_numpy))
            for leaf in flatten(structure)
        ]
        self.validation_structure = structure
        size = sum(a.nbytes for a in leaves if a is not None)
        digest = ordered_digest(row_digests([a for a in leaves if a is not None]))
        self._pass_digest = ordered_digest(
            np.frombuffer(bytes.fromhex(self._pass_digest + digest), np.uint8)
        )
        if not self.validation_digest:
            self._validation_bytes += size
            roles = zip(leaf_roles(structure), leaves, strict=True)
            self._validation_rows.append(
                row_digests([a for role, a in roles if role != "weight" and a is not None])
            )
        if self._validation_bytes <= self._keep_bytes:
            self._pass.append(leaves)

    def take(self, batches: int) -> list[Batch]:
        """The batches that the step just done was fed."""
        if self._ordered is not None:
            fed = self._ordered.take(batches)
        else:
            fed = [self._pending.popleft() for _ in range(min(batches, len(self._pending)))]
        self._epoch += fed
        return fed

    def end_epoch(self) -> None:
        self.identify()
        if self._epoch:
            self.order.append(np.concatenate([batch.indices for batch in self._epoch]))
            self.batches.append(np.array([len(b.indices) for b in self._epoch], np.int64))
            self._epoch = []

    # --- what a recipe keeps ------------------------------------------------------------------

    def order_field(self) -> Order:
        return Order(tuple(self.order), self._book.relative)

    def content_field(self) -> Content:
        rows = np.concatenate(self._validation_rows) if self._validation_rows else None
        return self._book.content(self.validation_digest, rows)

    def batching_field(self, steps_per_epoch: int | None) -> Batching:
        facts = {"batch_size": self._batch_size, "steps_per_epoch": steps_per_epoch}
        return Batching(tuple(self.batches), facts)

    def samples(self) -> Samples:
        return self._book.samples()
