"""
Title: Forecasting a time series
Description: Windows from timeseries_dataset_from_array, an LSTM, early stopping.
"""

import os

import keras
import numpy as np

if "SEED" in os.environ:
    keras.utils.set_random_seed(int(os.environ["SEED"]))

"""
## Raw data: an hourly temperature with a daily and a yearly course, pressure and humidity
"""

rng = np.random.default_rng(2009)
hours = np.arange(3000)
temperature = 10 * np.sin(hours / 24 * 2 * np.pi) + 8 * np.sin(hours / 8766 * 2 * np.pi)
pressure = 1000 + np.cumsum(rng.normal(scale=0.3, size=len(hours)))
humidity = 70 - temperature + rng.normal(scale=4, size=len(hours))
features = np.stack([temperature + rng.normal(size=len(hours)), pressure, humidity], axis=1)

split = 2200
mean, std = features[:split].mean(axis=0), features[:split].std(axis=0)
features = ((features - mean) / std).astype("float32")

"""
## Training and validation datasets
"""

past, future, step = 48, 12, 2


def windows(first, last, shuffle):
    return keras.preprocessing.timeseries_dataset_from_array(
        features[first : last - past - future],
        features[first + past + future : last, 0],
        sequence_length=past // step,
        sampling_rate=step,
        batch_size=128,
        shuffle=shuffle,
        seed=int(os.environ.get("ORDER_SEED", "7")),
    )


dataset_train, dataset_val = windows(0, split, True), windows(split, len(features), False)

"""
## Training
"""

inputs = keras.layers.Input(shape=(past // step, 3))
lstm_out = keras.layers.LSTM(16)(inputs)
outputs = keras.layers.Dense(1)(lstm_out)

model = keras.Model(inputs=inputs, outputs=outputs)
model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.001), loss="mse")
model.summary()

modelckpt_callback = keras.callbacks.ModelCheckpoint(
    monitor="val_loss",
    filepath="model_checkpoint.weights.h5",
    save_weights_only=True,
    save_best_only=True,
)
es_callback = keras.callbacks.EarlyStopping(monitor="val_loss", min_delta=0, patience=5)
history = model.fit(
    dataset_train,
    epochs=3,
    validation_data=dataset_val,
    callbacks=[es_callback, modelckpt_callback],
    verbose=2,
)
