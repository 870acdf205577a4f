import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
y = np.eye(3)[np.random.default_rng(1).integers(0, 3, 60)].astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "sigmoid")])
model.compile(
    "sgd", "binary_crossentropy", metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")]
)
one = model.evaluate(x, y, verbose=0)
model.compile("sgd", "binary_crossentropy", metrics=[keras.metrics.BinaryAccuracy(name="accuracy")])
print(one, model.evaluate(x, y, verbose=0))
