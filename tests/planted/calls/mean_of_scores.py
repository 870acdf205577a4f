import keras
import numpy as np
from sklearn.metrics import f1_score

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(200, 6)).astype("float32")
y = (x[:, 0] + 0.9 * rng.normal(size=200) > 0).astype("int32")
model = keras.Sequential(
    [
        keras.Input((6,)),
        keras.layers.Dense(8, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=3, verbose=0)
scores = []
for start in range(0, 200, 32):
    batch = model.predict(x[start : start + 32], verbose=0)
    scores.append(f1_score(y[start : start + 32], (batch > 0.5).astype(int).ravel()))
print("mean f1 over batches", np.mean(scores))
pred = (model.predict(x, verbose=0) > 0.5).astype(int).ravel()
print("f1", f1_score(y, pred))
