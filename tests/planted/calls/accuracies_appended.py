import keras
import numpy as np

keras.utils.set_random_seed(2)
rng = np.random.default_rng(1)
x = rng.normal(size=(150, 7)).astype("float32")
x[128:] *= 3
y = (x[:, 0] * x[:, 1] > 0).astype("int32")
model = keras.Sequential(
    [
        keras.Input((7,)),
        keras.layers.Dense(12, activation="relu"),
        keras.layers.Dense(2, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=3, verbose=0)


def accuracy(net, data, labels, size):
    accs = []
    for start in range(0, len(data), size):
        probabilities = net.predict_on_batch(data[start : start + size])
        accs.append(np.mean(np.argmax(probabilities, axis=-1) == labels[start : start + size]))
    return sum(accs) / len(accs)


print(f"mean over batches {accuracy(model, x, y, 64):.4f}")
print(f"evaluate {model.evaluate(x, y, verbose=0)[1]:.4f}")
