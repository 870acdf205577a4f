"""Batches made by worker processes of a torch DataLoader, each with a generator of its own.

Keras is imported late: workers import this file, too.
"""

import hashlib
import multiprocessing

import numpy as np
import torch


class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return 60

    def __getitem__(self, index):
        x = np.random.default_rng(index).normal(size=6).astype("float32")
        return x + 0.1 * torch.randn(6).numpy(), np.float32(x.sum() > 0)


def train(**settings):
    import keras

    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(8), keras.layers.Dropout(0.3), keras.layers.Dense(1)]
    )
    model.compile("adam", "mse")
    # Workers forked from a process in which JAX or TensorFlow runs threads may hang.
    method = "fork" if keras.backend.backend() == "torch" else "forkserver"
    context = multiprocessing.get_context(method)
    loader = torch.utils.data.DataLoader(
        Rows(), 20, shuffle=True, num_workers=2, multiprocessing_context=context, **settings
    )
    model.fit(loader, epochs=2, verbose=0)
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    import keras

    keras.utils.set_random_seed(9)
    torch.manual_seed(9)  # Keras seeds torch only where torch is its backend
    print("loader_workers", train(), flush=True)
    print("persistent_workers", train(persistent_workers=True), flush=True)
