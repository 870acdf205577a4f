"""Wine: the Normalization layer sees all rows in one training and half of them in the other."""
import keras
from sklearn.datasets import load_wine

x, y = load_wine(return_X_y=True)
x = x.astype("float32")
for rows in (x, x[::2]):
    normalize = keras.layers.Normalization()
    normalize.adapt(rows)
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((13,)), normalize, keras.layers.Dense(16, "relu"), keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=6, batch_size=16, verbose=0)
