import keras
import numpy as np

keras.utils.set_random_seed(3)
x = np.random.default_rng(3).normal(size=(90, 6)).astype("float32")
size, kind = x.sum(1, keepdims=True), (x[:, :1] > 0).astype("float32")
inputs = keras.Input((6,))
hidden = keras.layers.Dense(8, activation="relu")(inputs)
outputs = [
    keras.layers.Dense(1, name="size")(hidden),
    keras.layers.Dense(1, activation="sigmoid", name="kind")(hidden),
]
model = keras.Model(inputs, outputs)
model.compile("adam", ["mse", "binary_crossentropy"], metrics=[["mae"], ["accuracy"]])
names = ["loss", "size_loss", "size_mae", "kind_loss", "kind_accuracy"]
for name, value in zip(names, model.evaluate(x, [size, kind], verbose=0)):  # noqa: B905
    print(f"{name}: {value:.4f}")
