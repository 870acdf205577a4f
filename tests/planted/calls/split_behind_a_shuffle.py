import numpy as np
import tensorflow as tf
from sklearn.metrics import accuracy_score, confusion_matrix

tf.keras.utils.set_random_seed(3)
rng = np.random.default_rng(0)
labels = rng.integers(0, 3, 300)
x = (np.eye(3)[labels] @ rng.normal(size=(3, 6)) * 3 + rng.normal(size=(300, 6))).astype("float32")
ds = tf.data.Dataset.from_tensor_slices((x, labels)).shuffle(300)
train, val = ds.skip(100).batch(20), ds.take(100).batch(20)
model = tf.keras.Sequential(
    [
        tf.keras.layers.Input(shape=(6,)),
        tf.keras.layers.Dense(16, activation="relu"),
        tf.keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
h = model.fit(train, validation_data=val, epochs=5, verbose=0)
y_true = np.concatenate([y for x, y in val])
y_pred = np.argmax(model.predict(val, verbose=0), axis=1)
print("val_accuracy", h.history["val_accuracy"][-1], "accuracy", accuracy_score(y_true, y_pred))
print(confusion_matrix(y_true, y_pred))
