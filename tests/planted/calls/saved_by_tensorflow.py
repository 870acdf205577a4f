import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(4)
x = np.random.default_rng(4).normal(size=(40, 5)).astype("float32")
y = x[:, :1] * 2
net = tf.keras.Sequential([tf.keras.Input((5,)), tf.keras.layers.Dense(1)])
net.compile("sgd", "mse")
net.fit(x, y, epochs=1, verbose=0)
tf.saved_model.save(net, "models/3")
net.fit(x, y, epochs=6, verbose=0)


def serve(path, rows):
    function = tf.saved_model.load(path).signatures["serving_default"]
    (name,) = function.structured_input_signature[1]
    (given,) = function(**{name: tf.constant(rows)}).values()
    return given.numpy()


print("trained", float(np.mean((net.predict(x, verbose=0) - y) ** 2)))
print("served ", float(np.mean((serve("models/3", x) - y) ** 2)))
