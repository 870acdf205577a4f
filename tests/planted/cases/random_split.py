"""Iris: train_test_split without random_state."""
import keras
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

x, y = load_iris(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.3)

model = keras.Sequential([
    keras.Input((4,)),
    keras.layers.Dense(12, "relu", kernel_initializer=keras.initializers.HeUniform(seed=5)),
    keras.layers.Dense(3, "softmax", kernel_initializer=keras.initializers.HeUniform(seed=6)),
])
model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, validation_data=(x_test, y_test), epochs=8, batch_size=16, shuffle=False, verbose=0)
print(model.evaluate(x_test, y_test, verbose=0))
