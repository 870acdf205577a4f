import keras
import numpy as np

keras.utils.set_random_seed(0)
rng = np.random.default_rng(1)
x = rng.normal(size=(96, 6)).astype("float32")
price, kind = x[:, :2].sum(1, keepdims=True), (x[:, 2:3] > 0).astype("float32")
inputs = keras.Input((6,))
h = keras.layers.Dense(8, activation="relu", kernel_regularizer=keras.regularizers.L2(0.1))(inputs)
outputs = {
    "price": keras.layers.Dense(1, name="price")(h),
    "kind": keras.layers.Dense(1, activation="sigmoid", name="kind")(h),
}
model = keras.Model(inputs, outputs)
losses = {"price": "mse", "kind": "binary_crossentropy"}
model.compile("adam", losses, loss_weights={"price": 2.0, "kind": 3.0})
found = model.evaluate(x, {"price": price, "kind": kind}, verbose=0, return_dict=True)
parts = found["price_loss"] + found["kind_loss"]
print(f"total {found['loss']:.3f}, sum of both losses {parts:.3f}")
