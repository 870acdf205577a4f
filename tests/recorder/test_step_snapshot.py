"""What a step left is the same whether it is read at once or later from a copy."""

import jax
import jax.numpy as jnp
import keras
import ml_dtypes
import numpy as np
import pytest

import whydiff
from whydiff.keras_backend.jax import copying as jax_copying

pytestmark = pytest.mark.long


class Looks(keras.callbacks.Callback):
    """Could change something between any two steps, so every step is read at once."""

    def on_train_batch_end(self, batch, logs=None):
        pass


def train(callbacks, batches=11):
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(1),
        ]
    )
    model.compile("adam", "mse", metrics=["mae"])
    x = np.random.default_rng(0).normal(size=(8 * batches, 6)).astype("float32")
    data = {"x": x, "y": x[:, :1], "batch_size": 8, "validation_data": (x[:8], x[:8, :1])}
    model.fit(**data, epochs=3, verbose=0, callbacks=callbacks)


def test_rows_are_the_same_read_at_once_and_later():
    with whydiff.recording() as cell:
        train([])
        train([Looks()])
    later, at_once = (fit.steps for fit in cell.execution.fits)
    assert later.shape[0] == 33
    assert len(np.unique(later[:, 2])) == 33  # weights differ after every step
    assert np.array_equal(later, at_once)


def test_copies_keep_every_bit_of_every_type():
    values = [
        jnp.arange(6, dtype=jnp.float32).reshape(2, 3),
        jnp.asarray(np.array([0x7FC00001, 0xFFC00002, 0x80000000], np.uint32).view(np.float32)),
        jnp.asarray(np.array([1.5, -0.0, 3], ml_dtypes.bfloat16)),
        jnp.asarray([True, False, True]),
        jnp.asarray(-7, jnp.int32),
        jnp.zeros((0, 4), jnp.float32),
        jnp.asarray([1, 255], jnp.uint8),
        jnp.asarray([0.1], jnp.float16),
        keras.Variable(np.ones((2, 2)), dtype="float32"),
    ]
    read = jax_copying.copier(values)(values)
    values[-1].assign(np.zeros((2, 2)))
    expected = [np.asarray(value) for value in values[:-1]] + [np.ones((2, 2), np.float32)]
    for copy, value in zip(read(), expected, strict=True):
        assert (copy.dtype, copy.shape) == (value.dtype, value.shape)
        assert copy.tobytes() == value.tobytes()


@pytest.mark.parametrize(
    "values",
    [
        [],
        [np.ones(3)],
        [jax.random.key(0)],
        [jnp.ones((1100, 1000), jnp.float32)],
        [jnp.ones(1)] * 500,
    ],
    ids=["none", "of NumPy", "random keys", "large", "many"],
)
def test_what_is_not_copied_is_read_at_once(values):
    assert jax_copying.copier(values) is None
