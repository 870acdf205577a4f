"""Keras 2 computes with TensorFlow alone: what differs from Keras 3's backend of that name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from whydiff.core.feeding import TransferError
from whydiff.keras_backend.alike import (
    copier as copier,
    draw as draw,
    draws_between as draws_between,
    forget_gradients as forget_gradients,
    forget_traces as forget_traces,
    permutations as permutations,
    random_state as random_state,
    seeded_state as seeded_state,
    set_random_state as set_random_state,
    several_steps as several_steps,
    told_order as told_order,
    travellers as travellers,
    values_of as values_of,
    with_values as with_values,
    wrap_train_function as wrap_train_function,
)
from whydiff.keras_backend.tensorflow.backend import (
    arithmetic as arithmetic,
    compiles as compiles,
    feed as feed,
    hands_on_batches as hands_on_batches,
    hardware as hardware,
    of_one_size as of_one_size,
    opens_files as opens_files,
    operation_seeds as operation_seeds,
    random_operations as random_operations,
    reader as reader,
    set_operation_seeds as set_operation_seeds,
    signature as signature,
    tee as tee,
    tensor_like as tensor_like,
    to_numpy as to_numpy,
    watch_operations as watch_operations,
    without_gradients as without_gradients,
)


def flat(structure: Any) -> list[Any]:
    """The leaves of nested tensors or of what describes them."""
    leaves: list[Any] = tf.nest.flatten(structure)
    return leaves


def nested(structure: Any, leaves: Sequence[Any]) -> Any:
    """Leaves as tensors, nested like a batch."""
    return tf.nest.pack_sequence_as(structure, [tf.convert_to_tensor(leaf) for leaf in leaves])


def tensors(structure: Any) -> Any:
    """Nested arrays as tensors."""
    return nested(structure, flat(structure))


def in_row_order(tensors: Any, size: int) -> Iterator[Any]:
    """Nested tensors as arrays, ``size`` rows each, in the order of the rows."""
    for start in range(0, len(flat(tensors)[0]), size):
        yield tf.nest.map_structure(lambda t, at=start: t[at : at + size].numpy(), tensors)


def epoch_iterator_class() -> type:
    raise TransferError("Keras 2 has no epoch iterators: `recorder/keras2.py` watches its data")


def initial_value(variable: Any, initializer: Any) -> np.ndarray | None:
    """Keras 2 makes its variables outside of the functions that it traces."""
    del initializer
    with tf.init_scope():
        return np.array(to_numpy(variable)) if tf.executing_eagerly() else None


def gradients(model: Any, x: Any, y: Any, weight: Any) -> list[np.ndarray]:
    del model, x, y, weight
    raise TransferError("gradients of a model of Keras 2 are not looked at")
