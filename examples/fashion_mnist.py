"""Fashion-MNIST: one function, one seed, called twice. Why are the accuracies not the same?"""

import keras

keras.utils.set_random_seed(2026)

(train_images, train_labels), (test_images, test_labels) = keras.datasets.fashion_mnist.load_data()
train_images = train_images[:6000, ..., None].astype("float32") / 255
test_images = test_images[:1000, ..., None].astype("float32") / 255
train_labels, test_labels = train_labels[:6000], test_labels[:1000]


def train():
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        train_images,
        train_labels,
        batch_size=64,
        epochs=2,
        validation_data=(test_images, test_labels),
        verbose=0,
    )
    return model.evaluate(test_images, test_labels, verbose=0)[1]


print(f"{train():.3f}, and again: {train():.3f}")
