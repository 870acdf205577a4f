"""A model is saved, loaded and evaluated on the same rows: the accuracy drops."""

import keras
from sklearn.datasets import load_digits


@keras.saving.register_keras_serializable()
class Center(keras.layers.Layer):
    def __init__(self, middle=0.0, width=1.0, **settings):
        super().__init__(**settings)
        self.middle, self.width = middle, width

    def call(self, x):
        return (x - self.middle) / self.width

    def get_config(self):
        return {**super().get_config(), "width": self.width}


keras.utils.set_random_seed(1)
x, y = load_digits(return_X_y=True)
model = keras.Sequential(
    [
        keras.Input((64,)),
        Center(middle=8, width=8),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=5, verbose=0)
print("before saving:", model.evaluate(x, y, verbose=0)[1])
model.save("digits.keras")
loaded = keras.models.load_model("digits.keras")
print("after loading:", loaded.evaluate(x, y, verbose=0)[1])
