import keras
import numpy as np


class TrainingScore(keras.callbacks.Callback):
    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def on_epoch_end(self, epoch, logs=None):
        score = self.model.evaluate(self.x, self.y, verbose=0)
        print(epoch, logs["loss"], logs["accuracy"], score)


keras.utils.set_random_seed(6)
rng = np.random.default_rng(6)
x = rng.normal(size=(120, 8)).astype("float32")
y = x[:, :3].argmax(1)
model = keras.Sequential(
    [
        keras.Input((8,)),
        keras.layers.Dense(24, "relu"),
        keras.layers.Dropout(0.6),
        keras.layers.Dense(3, "softmax"),
    ]
)
model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=5, batch_size=20, callbacks=[TrainingScore(x, y)], verbose=0)
