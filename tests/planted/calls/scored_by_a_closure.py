import keras
import numpy as np


def scorer(net, data, labels):
    def scores(stochastic=False):
        if stochastic:
            outputs = keras.ops.convert_to_numpy(net(data, training=True))
            return {"accuracy": np.mean((outputs.ravel() > 0.5) == labels)}
        outputs = net.predict(data, verbose=0).ravel()
        return {"accuracy": np.mean((outputs > 0.5) == labels)}

    return scores


keras.utils.set_random_seed(7)
rng = np.random.default_rng(3)
x = rng.normal(size=(200, 6)).astype("float32")
y = (x.sum(1) + rng.normal(size=200) > 0).astype("float32")
model = keras.Sequential(
    [
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dropout(0.7),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=3, verbose=0)
loss, accuracy = model.evaluate(x, y, verbose=0)
score = scorer(model, x, y)
found = score(stochastic=True)
print(f"evaluate {accuracy:.4f}, by hand {found['accuracy']:.4f}")
