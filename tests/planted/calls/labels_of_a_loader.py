import keras
import numpy as np
import torch
from sklearn.metrics import confusion_matrix
from torch.utils.data import DataLoader, TensorDataset

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
labels = rng.integers(0, 3, 120)
x = (np.eye(3)[labels] @ rng.normal(size=(3, 6)) * 2 + rng.normal(size=(120, 6))).astype("float32")
loader = DataLoader(
    TensorDataset(torch.from_numpy(x), torch.from_numpy(labels)), batch_size=32, shuffle=True
)
model = keras.Sequential(
    [
        keras.Input((6,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(loader, epochs=4, verbose=0)
print("evaluate:", model.evaluate(loader, verbose=0)[1])
print(
    confusion_matrix(
        np.concatenate([y for _, y in loader]), model.predict(loader, verbose=0).argmax(1)
    )
)
