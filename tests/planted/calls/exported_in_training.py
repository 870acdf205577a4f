import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(3)
x = np.random.default_rng(0).normal(size=(300, 8)).astype("float32") * 2 + 1
y = np.argmax(x[:, :3], axis=1)
model = keras.Sequential(
    [
        keras.Input((8,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=2, verbose=0)
archive = keras.export.ExportArchive()
archive.track(model)
archive.add_endpoint(
    "serve",
    lambda inputs: model(inputs, training=True),
    input_signature=[tf.TensorSpec((None, 8), "float32")],
)
archive.write_out("served", verbose=False)
p = model.predict(x[:64], verbose=0)
layer = keras.layers.TFSMLayer("served", call_endpoint="serve")
q = np.array(layer(x[:64]))
print("max difference", np.abs(p - q).max(), "same class", (p.argmax(1) == q.argmax(1)).mean())
