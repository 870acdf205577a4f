import keras
import numpy as np

keras.utils.set_random_seed(4)
x = np.random.default_rng(1).normal(size=(96, 6)).astype("float32")
y = (x[:, 0] + x[:, 1] > 0).astype("float32")
model = keras.Sequential(
    [
        keras.Input((6,)),
        keras.layers.Dense(16, "relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(1, "sigmoid"),
    ]
)
model.compile(keras.optimizers.SGD(0.001), "binary_crossentropy", metrics=["accuracy"])
log = model.fit(x, y, validation_data=(x, y), epochs=3, verbose=0).history
print(f"loss {log['loss'][-1]:.4f} and val_loss {log['val_loss'][-1]:.4f} of the same samples")
