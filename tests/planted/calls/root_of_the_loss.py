import keras
import numpy as np


def rmse(y_true, y_pred):
    return keras.ops.sqrt(keras.ops.mean(keras.ops.square(y_true - y_pred)))


keras.utils.set_random_seed(6)
rng = np.random.default_rng(8)
x = rng.normal(size=(160, 5)).astype("float32")
y = (x[:, :1] + rng.standard_t(2, size=(160, 1))).astype("float32")
penalty = keras.regularizers.L2(0.5)
model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1, kernel_regularizer=penalty)])
model.compile("adam", "mse", metrics=[rmse])
loss, error = model.evaluate(x, y, batch_size=16, verbose=0)
print(f"root of the loss {np.sqrt(loss):.3f}, rmse {error:.3f}")
