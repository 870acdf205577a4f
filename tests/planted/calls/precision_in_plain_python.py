import keras
import numpy as np

keras.utils.set_random_seed(11)
rng = np.random.default_rng(0)
x = rng.normal(size=(900, 10)).astype("float32")
y = (x[:, 0] + 0.5 * x[:, 1] + rng.normal(size=900) > 0.2).astype("int32")


def scores(truth, predicted):
    counts = {"tp": 0, "fp": 0, "fn": 0, "tn": 0}
    for label, one in zip(truth, predicted, strict=True):
        guess = one[0] > 0.5
        counts[("t" if guess == bool(label) else "f") + ("p" if guess else "n")] += 1
    return {"precision": counts["tp"] / max(counts["tp"] + counts["fp"], 1)}


model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(1)])
loss = keras.losses.BinaryCrossentropy(from_logits=True)
model.compile(
    keras.optimizers.Adam(0.02), loss, metrics=[keras.metrics.Precision(0.0, name="precision")]
)
model.fit(x, y, epochs=6, verbose=0)
print("evaluate", model.evaluate(x, y, verbose=0, return_dict=True)["precision"])
for name, value in scores(y, model.predict(x, verbose=0)).items():
    print(f"{name}: {value:.4f}")
