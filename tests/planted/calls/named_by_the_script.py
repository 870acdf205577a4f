import keras
import numpy as np
from sklearn.metrics import recall_score

keras.utils.set_random_seed(5)
rng = np.random.default_rng(5)
x = rng.normal(size=(120, 4)).astype("float32")
y = (x[:, 0] + rng.normal(size=120) > 1).astype("int32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
model.compile(loss="binary_crossentropy", metrics=[keras.metrics.Recall(name="rec")])
print(model.evaluate(x, y, verbose=0)[1], recall_score(y, model.predict(x, verbose=0)[:, 0] > 0.2))
