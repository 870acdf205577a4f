import keras
import numpy as np

keras.utils.set_random_seed(2)
left, right = np.random.default_rng(2).normal(size=(2, 40, 5)).astype("float32")
tower = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4, activation="relu")])
one, other = keras.Input((5,), name="left"), keras.Input((5,), name="right")
both = keras.layers.Concatenate()([tower(one), tower(other)])
model = keras.Model([one, other], keras.layers.Dense(1, activation="sigmoid")(both))
print(
    np.abs(model.predict([left, right], verbose=0) - model.predict([right, left], verbose=0)).max()
)
