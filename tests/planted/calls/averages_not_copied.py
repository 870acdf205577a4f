import keras
import numpy as np

rng = np.random.default_rng(4)
x = (rng.normal(size=(96, 6)) * 3 + 5).astype("float32")
y = (x.sum(1) > 30).astype("int32")


def build():
    return keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )


keras.utils.set_random_seed(4)
teacher, student = build(), build()
teacher.compile("adam", "sparse_categorical_crossentropy")
teacher.fit(x, y, epochs=3, verbose=0)
for own, theirs in zip(student.trainable_variables, teacher.trainable_variables, strict=True):
    own.assign(keras.ops.convert_to_numpy(theirs))
print(np.abs(teacher.predict(x, verbose=0) - student.predict(x, verbose=0)).max())
