import keras
import numpy as np

keras.utils.set_random_seed(3)
rng = np.random.default_rng(1)
x = rng.normal(size=(120, 5)).astype("float32")
y1 = (x @ rng.normal(size=(5, 1))).astype("float32")
y2 = (x[:, :1] > 0).astype("float32")
inp = keras.Input((5,))
h = keras.layers.Dense(16, activation="relu")(inp)
model = keras.Model(
    inp,
    [
        keras.layers.Dense(1, name="price")(h),
        keras.layers.Dense(1, activation="sigmoid", name="sold")(h),
    ],
)
model.compile("adam", ["mse", "binary_crossentropy"], metrics=[["mae"], ["accuracy"]])
model.fit(x, [y1, y2], epochs=3, verbose=0)
w = np.where(x[:, 0] > 0, 3.0, 0.5).astype("float32")
plain = model.evaluate(x, [y1, y2], verbose=0, return_dict=True)
weighted = model.evaluate(
    x, [y1, y2], sample_weight=[w, np.ones(120, "float32")], verbose=0, return_dict=True
)
print(plain["loss"], weighted["loss"])
