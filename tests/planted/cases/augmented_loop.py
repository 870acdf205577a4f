"""Images shifted by NumPy's global generator, fed batch by batch: other seeds, other images."""
import numpy as np
import keras

def images(n=160):
    r = np.random.default_rng(0)
    return r.random((n, 12, 12, 1), dtype="float32"), r.integers(0, 2, n)

def augmented(x):
    shift = np.random.randint(-2, 3, size=len(x))
    return np.stack([np.roll(im, s, axis=1) for im, s in zip(x, shift)])

def train(x, y, seed):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((12, 12, 1)), keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    order = np.random.default_rng(0)
    for epoch in range(3):
        xs = augmented(x)
        perm = order.permutation(len(xs))
        for k in range(0, len(xs), 32):
            model.train_on_batch(xs[perm[k:k + 32]], y[perm[k:k + 32]])
    return model

x, y = images()
train(x, y, 1)
train(x, y, 2)
