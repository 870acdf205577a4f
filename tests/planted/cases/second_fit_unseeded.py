"""Wine: the first model is seeded layer by layer, the second is not."""
import keras
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale

x, y = load_wine(return_X_y=True)
x = scale(x)
for seeds in ((1, 2), (None, None)):
    model = keras.Sequential([
        keras.Input((13,)),
        keras.layers.Dense(16, "relu", kernel_initializer=keras.initializers.GlorotUniform(seeds[0])),
        keras.layers.Dense(3, "softmax", kernel_initializer=keras.initializers.GlorotUniform(seeds[1])),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=6, batch_size=16, shuffle=False, verbose=0)
