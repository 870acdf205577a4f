"""Iris in a data frame, sorted by another column."""
import keras
import pandas as pd
from sklearn.datasets import load_iris

frame = load_iris(as_frame=True).frame


def fit(table: pd.DataFrame):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(12, "relu"), keras.layers.Dense(3, "softmax")])
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(table.drop(columns="target"), table["target"], epochs=5, batch_size=16, shuffle=False, verbose=0)


fit(frame)
fit(frame.sort_values("petal length (cm)", kind="stable"))
