import keras
import numpy as np
from sklearn.metrics import mean_squared_error

keras.utils.set_random_seed(3)
x = np.random.default_rng(0).random((100, 4))
y = x.sum(1)
inputs = keras.Input((4,))
hidden = keras.layers.Dense(8, kernel_regularizer=keras.regularizers.L2(0.01))(inputs)
outputs = keras.layers.Dense(1, activity_regularizer=keras.regularizers.L2(0.01))(hidden)
model = keras.Model(inputs, outputs)
model.compile("adam", "mse")
model.fit(x, y, epochs=2, verbose=0)
print(f"loss {model.evaluate(x, y, verbose=0):.4f}")
print(f"error {mean_squared_error(y, model.predict(x, verbose=0)):.4f}")
