"""
Title: Image similarity estimation using a siamese network with a contrastive loss
Description: Two inputs, one shared tower, a loss of our own.
"""

import os

import keras
import numpy as np
from keras import layers, ops
from sklearn.datasets import load_digits

if "SEED" in os.environ:
    keras.utils.set_random_seed(int(os.environ["SEED"]))

margin = float(os.environ.get("MARGIN", "1.0"))  # Margin for contrastive loss.


def make_pairs(x, y, rng):
    """Image pairs with a label: 0 for the same digit, 1 for different ones."""
    digit_indices = [np.where(y == i)[0] for i in range(10)]
    pairs, labels = [], []
    for row, digit in enumerate(y):
        other = (digit + rng.integers(1, 10)) % 10
        pairs += [[x[row], x[rng.choice(digit_indices[digit])]]]
        pairs += [[x[row], x[rng.choice(digit_indices[other])]]]
        labels += [0.0, 1.0]
    return np.array(pairs), np.array(labels, "float32")


digits = load_digits()
images = (digits.images / 16.0).astype("float32")[..., None]
rng = np.random.default_rng(1)
pairs_train, labels_train = make_pairs(images[:600], digits.target[:600], rng)
pairs_val, labels_val = make_pairs(images[600:700], digits.target[600:700], rng)


def euclidean_distance(vects):
    x, y = vects
    sum_square = ops.sum(ops.square(x - y), axis=1, keepdims=True)
    return ops.sqrt(ops.maximum(sum_square, keras.config.epsilon()))


inputs = layers.Input((8, 8, 1))
x = layers.BatchNormalization()(inputs)
x = layers.Conv2D(4, (3, 3), activation="tanh")(x)
x = layers.AveragePooling2D(pool_size=(2, 2))(x)
x = layers.Flatten()(x)
x = layers.BatchNormalization()(x)
embedding_network = keras.Model(inputs, layers.Dense(10, activation="tanh")(x))

input_1, input_2 = layers.Input((8, 8, 1)), layers.Input((8, 8, 1))
tower_1, tower_2 = embedding_network(input_1), embedding_network(input_2)
merge_layer = layers.Lambda(euclidean_distance, output_shape=(1,))([tower_1, tower_2])
output_layer = layers.Dense(1, activation="sigmoid")(layers.BatchNormalization()(merge_layer))
siamese = keras.Model(inputs=[input_1, input_2], outputs=output_layer)


def loss(margin=1):
    """Provides 'contrastive_loss' an enclosing scope with variable 'margin'."""

    def contrastive_loss(y_true, y_pred):
        square_pred = ops.square(y_pred)
        margin_square = ops.square(ops.maximum(margin - y_pred, 0))
        return ops.mean((1 - y_true) * square_pred + y_true * margin_square)

    return contrastive_loss


siamese.compile(loss=loss(margin=margin), optimizer="RMSprop", metrics=["accuracy"])
siamese.fit(
    [pairs_train[:, 0], pairs_train[:, 1]],
    labels_train,
    validation_data=([pairs_val[:, 0], pairs_val[:, 1]], labels_val),
    batch_size=64,
    epochs=2,
    verbose=2,
)
