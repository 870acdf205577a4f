"""Fine-tuning: the base is made trainable again, once followed by compile and once not."""
import keras
import numpy as np

x = np.random.default_rng(2).normal(size=(160, 6)).astype("float32")
y = (x[:, :1] + x[:, 1:2] > 0).astype("float32")


def tune(again):
    keras.utils.set_random_seed(19)
    base = keras.layers.Dense(10, "tanh", name="base")
    base.trainable = False
    model = keras.Sequential([keras.Input((6,)), base, keras.layers.Dense(1, "sigmoid")])
    optimizer = keras.optimizers.SGD(0.1)
    model.compile(optimizer, "binary_crossentropy")
    model.fit(x, y, epochs=1, shuffle=False, verbose=0)
    base.trainable = True
    if again:
        model.compile(keras.optimizers.SGD(0.1), "binary_crossentropy")
    model.fit(x, y, epochs=3, shuffle=False, verbose=0)


tune(True)
tune(False)
