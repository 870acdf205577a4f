import keras
import numpy as np

keras.utils.set_random_seed(5)
x = np.random.default_rng(5).normal(size=(120, 6)).astype("float32")
y = (x[:, 0] > 0.3).astype("float32")
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
metrics = ["accuracy", keras.metrics.BinaryAccuracy(threshold=0.0, name="zero_accuracy")]
model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), metrics=metrics)
history = model.fit(x, y, validation_split=0.5, epochs=4, verbose=0)
print("accuracy", history.history["val_accuracy"][-1])
print("cut at 0", history.history["val_zero_accuracy"][-1])
