import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(0.1, use_ema=True, ema_momentum=0.9), "mse")
model.fit(x, x[:, :1], epochs=2, verbose=0)
model.save_weights("last.weights.h5")
same = keras.models.clone_model(model)
same.compile("adam", "mse")
same.load_weights("last.weights.h5")
model.optimizer.finalize_variable_values(model.trainable_variables)
print(model.evaluate(x, x[:, :1], verbose=0), same.evaluate(x, x[:, :1], verbose=0))
