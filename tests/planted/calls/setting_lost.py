import keras
import numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")


@keras.saving.register_keras_serializable("planted")
class Residual(keras.layers.Layer):
    def __init__(self, units, scale=1.0, first=False, **settings):
        super().__init__(**settings)
        self.units, self.scale, self.first = units, scale, first
        self.norm = keras.layers.LayerNormalization()
        self.dense = keras.layers.Dense(units, activation="relu")

    def build(self, shape):
        self.norm.build(shape)
        self.dense.build(shape)

    def call(self, inputs):
        if self.first:
            return inputs + self.scale * self.dense(self.norm(inputs))
        return self.norm(inputs + self.scale * self.dense(inputs))

    def get_config(self):
        return {**super().get_config(), "units": self.units, "scale": self.scale}


model = keras.Sequential([keras.Input((6,)), Residual(6, 0.5, first=True), keras.layers.Dense(1)])
model.save("model.keras")
loaded = keras.models.load_model("model.keras")
print(np.abs(model.predict(x, verbose=0) - loaded.predict(x, verbose=0)).max())
