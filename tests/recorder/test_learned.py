"""What preprocessing layers learned by adapt, as plain values."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from whydiff.recorder.measuring.learned import learned_by

X = np.array([[1.0, 5.0], [3.0, 5.0]], "float32")


def adapted(layer, data):
    layer.adapt(data)
    return learned_by(layer)


def test_statistics_of_a_normalization():
    found = adapted(keras.layers.Normalization(), X)
    assert found == {"mean": [2.0, 5.0], "variance": [1.0, 0.0], "shape": [1, 2], "invert": False}


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (keras.layers.StringLookup, ["[UNK]", "b", "a"]),
        (keras.layers.TextVectorization, ["", "[UNK]", "b", "a"]),
    ],
)
def test_words_in_the_order_of_their_numbers(layer, words):
    assert adapted(layer(), np.array(["b", "b", "a"])) == {"vocabulary": words}


def test_layers_whose_outputs_are_no_numbers_of_words():
    counts = keras.layers.StringLookup(output_mode="multi_hot")
    assert adapted(counts, np.array(["a", "b"])) == {}
    assert adapted(keras.layers.Discretization(num_bins=2), X) == {}
    assert learned_by(keras.layers.Normalization()) == {}
