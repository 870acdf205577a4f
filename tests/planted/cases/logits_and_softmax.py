"""One model with logits and a loss that expects them, and one with a softmax: the same function."""
import keras
import numpy as np

rng = np.random.default_rng(5)
x = rng.normal(size=(200, 6)).astype("float32")
y = rng.integers(0, 3, 200)


def train(activation, from_logits):
    keras.utils.set_random_seed(4)
    model = keras.Sequential([
        keras.layers.Input((6,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(3, activation=activation),
    ])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits))
    return model.fit(x, y, epochs=3, batch_size=32, verbose=0).history["loss"][-1]


print(f"logits {train(None, True):.9f}")
print(f"softmax {train('softmax', False):.9f}")
