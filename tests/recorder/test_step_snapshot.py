"""What a step left is the same whether it is read at once or later from a copy."""

import jax
import jax.numpy as jnp
import keras
import ml_dtypes
import numpy as np
import pytest

import whydiff
from whydiff.core.digests import group_digest
from whydiff.diagnosis.divergence import identical
from whydiff.keras_backend.jax import copying as jax_copying
from whydiff.recorder import watch
from whydiff.runner import in_process

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


def test_rows_are_the_same_read_at_once_and_later(monkeypatch):
    monkeypatch.setattr(watch, "FIRST_STEPS", 5)
    with whydiff.recording() as cell:
        train([])
        train([Looks()])
        monkeypatch.setattr(in_process._HOLDER.session.writer, "every", 4)
        train([])
    whole, others, sampled = cell.execution.fits
    later, at_once, some = whole.steps, others.steps, sampled.steps
    assert later.shape[0] == 33
    assert len(np.unique(later[:, 2])) == 33  # weights differ after every step
    assert np.array_equal(later, at_once)
    rows = np.arange(33)
    looked_at = (rows < 5) | (rows % 4 == 0)
    assert (whole.every, sampled.every) == (1, 4)
    assert np.array_equal(some[looked_at], later[looked_at]), "as in a recording of all"
    assert np.array_equal(some[:, 0], later[:, 0]) and not some[~looked_at, 1:].any()
    assert [t.digest for t in sampled.final] == [t.digest for t in whole.final]
    assert identical(whole, sampled)


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
    copied = copy_of(values[:5], values[5:])
    values[-1].assign(np.zeros((2, 2)))
    expected = [np.asarray(value) for value in values[:-1]] + [np.ones((2, 2), np.float32)]
    for copy, value in zip(copied.arrays(), expected, strict=True):
        assert (copy.dtype, copy.shape) == (value.dtype, value.shape)
        assert copy.tobytes() == value.tobytes()
    assert copied.digests() == [group_digest(expected[:5]), group_digest(expected[5:])]
    assert copied.logs() == {"loss": 2.5, "steps": 3}


def copy_of(*groups, logs=None):
    """A copy of a state that has all values but Keras's variables, or None where none is made."""
    state = [[v for v in group if not isinstance(v, keras.Variable)] for group in groups]
    places = {id(v): (i, j) for i, part in enumerate(state) for j, v in enumerate(part)}
    if logs is None:
        logs = {"loss": jnp.float32(2.5), "steps": jnp.int32(3)}
    copy = jax_copying.copier(groups, places, state, logs)
    return None if copy is None else copy(state, logs)


def test_logs_that_are_no_numbers_on_the_device_are_left_as_they_are():
    logs = {"loss": jnp.float32(1), "part": {"deep": 0.1}}
    assert copy_of([jnp.ones(3)], logs=logs).logs() is logs


def test_a_state_or_logs_of_another_kind_are_not_copied():
    state, logs = [[jnp.ones(3)], []], {"loss": jnp.float32(1)}
    copy = jax_copying.copier([state[0]], {id(state[0][0]): (0, 0)}, state, logs)
    assert copy(state, logs).arrays()[0].tolist() == [1, 1, 1]
    assert copy([[jnp.ones(3)] * 2, []], logs) is None
    assert copy(state, {**logs, "more": jnp.float32(1)}) is None
    assert copy(state, {"loss": 1.0}) is None
    assert copy(state, {"loss": jnp.ones(2)}) is None
    assert copy([[jnp.ones(4)], []], logs) is None
    assert copy([[jnp.ones(3, jnp.int32)], []], logs) is None


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
    assert copy_of(values) is None
