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

from whydiff.keras_backend.internals import array_adapter, shuffles
from whydiff.keras_backend.patches import for_a_while


class Order:
    """``rows`` is the permutation of the pass that draws it first, None without shuffling."""

    def __init__(self) -> None:
        self.rows: np.ndarray | None = None
        self.known = False
        self.shuffles = False

    def show(self, rows: np.ndarray) -> None:
        self.rows = np.array(rows)


@contextlib.contextmanager
def told_order() -> Iterator[Order]:
    """Around the making of an epoch iterator; the order is ``known`` if it is one of arrays.

    Batches that are shuffled one by one draw for each of them, and rows of sparse tensors are fed
    as their parts: there it is not known.
    """
    arrays, order = array_adapter(), Order()
    make = arrays.get_tf_dataset
    shuffle, traced = tf.random.shuffle, []

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def shown(value: Any, *args: Any, **kwargs: Any) -> Any:
        # Behind the drawing: an operation's own seed is the number of those made before it.
        drawn = shuffle(value, *args, **kwargs)
        traced.append(drawn)
        with tf.control_dependencies([tf.numpy_function(order.show, [drawn], [])]):
            return tf.identity(drawn)

    def made(self: Any) -> Any:
        if shuffles(self) not in (True, False):
            return make(self)
        with for_a_while() as patches:
            patches.replace(tf.random, "shuffle", shown)
            dataset = make(self)
        dense = all(isinstance(s, tf.TensorSpec) for s in tf.nest.flatten(dataset.element_spec))
        order.shuffles = bool(shuffles(self))
        order.known = dense and len(traced) == int(shuffles(self))
        return dataset

    with for_a_while() as patches:
        patches.replace(arrays, "get_tf_dataset", made)
        yield order
