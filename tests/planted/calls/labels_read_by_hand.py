import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(3)
rng = np.random.default_rng(0)
labels = rng.integers(0, 3, 300)
x = (np.eye(3)[labels] @ rng.normal(size=(3, 6)) * 3 + rng.normal(size=(300, 6))).astype("float32")
test = tf.data.Dataset.from_tensor_slices((x, labels)).shuffle(300).batch(20)
model = tf.keras.Sequential(
    [
        tf.keras.layers.Input(shape=(6,)),
        tf.keras.layers.Dense(16, activation="relu"),
        tf.keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, labels, epochs=5, verbose=0)
loss, acc = model.evaluate(test, verbose=0)
y_true = np.concatenate([y for x, y in test])
y_pred = np.argmax(model.predict(test, verbose=0), axis=1)
print("evaluate", acc, "by hand", np.mean(y_true == y_pred))
