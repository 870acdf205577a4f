"""Fashion-MNIST, few images, for long and at a high rate: does it matter which seed it was?

whydiff study examples/fashion_mnist_long.py \\
    --vary initialization,data-order,noise,arithmetic=one-ulp
"""

import keras

keras.utils.set_random_seed(2026)

(train_images, train_labels), (test_images, test_labels) = keras.datasets.fashion_mnist.load_data()
train_images = train_images[:1500, ..., None].astype("float32") / 255
test_images = test_images[:1000, ..., None].astype("float32") / 255
train_labels, test_labels = train_labels[:1500], test_labels[:1000]

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
model.compile(
    keras.optimizers.SGD(0.05, momentum=0.9),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(
    train_images,
    train_labels,
    batch_size=16,
    epochs=20,
    validation_data=(test_images, test_labels),
    verbose=0,
)
