"""What a hybrid is fed on TensorFlow: the batches that were recorded, whoever joins them."""

import ml_dtypes
import numpy as np
import pytest

pytestmark = pytest.mark.long  # imports TensorFlow


def batches(sizes, dtype="float32"):
    rng = np.random.default_rng(0)
    return [(rng.normal(size=(n, 3)).astype(dtype), rng.integers(0, 9, n)) for n in sizes]


@pytest.mark.parametrize(
    ("sizes", "dtype", "named"),
    [
        ((4, 4, 4, 2), "float32", None),
        ((4, 1, 4, 4), "float64", None),
        ((4, 4), "float32", 4),
        ((70_000, 70_000), "float32", None),  # each larger than what is joined
        ((4, 4), ml_dtypes.bfloat16, None),
        ((), "float32", None),
    ],
)
def test_a_feed_gives_the_batches_in_any_epoch(sizes, dtype, named):
    tf = pytest.importorskip("tensorflow")
    from whydiff.keras_backend.tensorflow.backend import feed

    epochs = [batches(sizes, dtype), batches(sizes[::-1], dtype)]
    like = (tf.TensorSpec((named, 3), dtype), tf.TensorSpec((named,), tf.int64))
    epoch = 0
    dataset = feed(lambda: epochs[epoch], like, lambda: set(sizes))
    assert dataset.element_spec == like  # or Keras would trace another train function
    for epoch in (0, 1, 0):
        fed = [tuple(part.numpy() for part in batch) for batch in dataset]
        assert len(fed) == len(epochs[epoch])
        for one, other in zip(fed, epochs[epoch], strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_an_error_of_the_data_reaches_who_trains():
    tf = pytest.importorskip("tensorflow")
    from whydiff.keras_backend.tensorflow.backend import feed

    def broken():
        yield from batches((4, 4))
        raise ValueError("no third batch")

    like = (tf.TensorSpec((None, 3)), tf.TensorSpec((None,), tf.int64))
    with pytest.raises(tf.errors.InvalidArgumentError, match="no third batch"):
        list(feed(broken, like, lambda: {4}))


@pytest.mark.parametrize(("sizes", "named"), [((4, 4), 4), ((4, 2), None)])
def test_a_feed_for_one_size_of_batches_names_it_where_there_is_one(sizes, named):
    tf = pytest.importorskip("tensorflow")
    from whydiff.keras_backend.base import OF_ONE_SIZE
    from whydiff.keras_backend.tensorflow.backend import feed, of_one_size

    dataset = feed(lambda: batches(sizes), OF_ONE_SIZE, lambda: set(sizes))
    assert dataset.element_spec[0] == tf.TensorSpec((named, 3), tf.float32)
    assert of_one_size(dataset) is (named is not None)
    assert not of_one_size(tf.data.Dataset.range(3).batch(2)) and not of_one_size([1])
