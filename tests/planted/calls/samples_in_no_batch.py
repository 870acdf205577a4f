import keras
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
labels = rng.integers(0, 3, 155)
x = (np.eye(3)[labels] @ rng.normal(size=(3, 6)) * 2 + rng.normal(size=(155, 6))).astype("float32")
model = keras.Sequential(
    [
        keras.Input((6,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, labels, epochs=4, verbose=0)
correct, size = 0, 32
for i in range(len(x) // size):
    predicted = model.predict(x[i * size : (i + 1) * size], verbose=0).argmax(-1)
    correct += np.sum(predicted == labels[i * size : (i + 1) * size])
print("evaluate:", model.evaluate(x, labels, verbose=0)[1], " counted:", correct / len(x))
