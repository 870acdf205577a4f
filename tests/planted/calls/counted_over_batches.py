import keras
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(100, 8)).astype("float32")
y = (x[:, :3].sum(1) > 0).astype("int32")
model = keras.Sequential(
    [
        keras.Input((8,)),
        keras.layers.Dense(24, activation="relu"),
        keras.layers.Dropout(0.7),
        keras.layers.Dense(2, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=8, verbose=0)
batches = ((x[i : i + 16], y[i : i + 16]) for i in range(0, 100, 16))
correct = 0
for xb, yb in batches:
    probabilities = keras.ops.convert_to_numpy(model(xb, training=True))
    correct += (probabilities.argmax(axis=1) == yb).sum()
print("in a loop:", correct / len(x), " evaluate:", model.evaluate(x, y, verbose=0)[1])
