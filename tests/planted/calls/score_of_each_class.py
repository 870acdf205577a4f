import keras
import numpy as np
from sklearn.metrics import f1_score

keras.utils.set_random_seed(31)
rng = np.random.default_rng(31)
x = rng.normal(size=(240, 5)).astype("float32")
y = (x[:, :3] + [1.2, 0, -1] + rng.normal(size=(240, 3))).argmax(1)
model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, activation="softmax")])
model.compile("adam", "categorical_crossentropy", metrics=[keras.metrics.F1Score()])
hot = keras.utils.to_categorical(y, 3)
model.fit(x, hot, epochs=4, verbose=0)
result = model.evaluate(x, hot, verbose=0, return_dict=True)
print("F1:", np.mean(result["f1_score"]))
print("F1:", f1_score(y, model.predict(x, verbose=0).argmax(1), average="weighted"))
