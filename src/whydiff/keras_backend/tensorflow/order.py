"""The order in which TensorFlow feeds arrays, told once per pass.

Keras makes a dataset of arrays that draws one permutation per pass and gathers batches by it.
Whoever knows the permutation knows every batch, so the pipeline itself can be left alone: one
more stage, and a call of Python in it for each batch, cost a third of a millisecond a step.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter


class Order:
    """``rows`` is the permutation of the pass that draws it first, None without shuffling."""

    def __init__(self) -> None:
        self.rows: np.ndarray | None = None
        self.known = self.shuffles = False

    def show(self, rows: np.ndarray) -> None:
        self.rows = np.array(rows)


@contextlib.contextmanager
def told_order() -> Iterator[Order]:
    """Around the making of an epoch iterator; the order is ``known`` if it is one of arrays.

    Batches that are shuffled one by one draw for each of them, and rows of sparse tensors are fed
    as their parts: there it is not known.
    """
    make, order = ArrayDataAdapter.get_tf_dataset, Order()
    shuffle, traced = tf.random.shuffle, []

    @tf.autograph.experimental.do_not_convert
    def shown(value: Any, *args: Any, **kwargs: Any) -> Any:
        # Behind the drawing: an operation's own seed is the number of those made before it.
        drawn = shuffle(value, *args, **kwargs)
        traced.append(drawn)
        with tf.control_dependencies([tf.numpy_function(order.show, [drawn], [])]):
            return tf.identity(drawn)

    def made(self: Any) -> Any:
        if self._shuffle not in (True, False):
            return make(self)
        with _replaced(tf.random, "shuffle", shown):
            dataset = make(self)
        dense = all(isinstance(s, tf.TensorSpec) for s in tf.nest.flatten(dataset.element_spec))
        order.shuffles = bool(self._shuffle)
        order.known = dense and len(traced) == int(self._shuffle)
        return dataset

    with _replaced(ArrayDataAdapter, "get_tf_dataset", made):
        yield order


@contextlib.contextmanager
def _replaced(owner: Any, name: str, stand_in: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, stand_in)
    try:
        yield
    finally:
        setattr(owner, name, before)
