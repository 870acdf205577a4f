import keras
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(128, 6)).astype("float32") * 3 + 1
y = (x[:, :3]).argmax(1)
model = keras.Sequential(
    [
        keras.Input((6,)),
        keras.layers.Dense(32),
        keras.layers.BatchNormalization(momentum=0.5),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=2, verbose=0)
right = 0
for i in range(0, len(x), 32):
    out = keras.ops.convert_to_numpy(model(x[i : i + 32], training=True))
    right += (out.argmax(1) == y[i : i + 32]).sum()
print("loop", right / len(x))
print("evaluate", model.evaluate(x, y, verbose=0)[1])
