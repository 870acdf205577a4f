import gc

import keras


def save(seed):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(1),
        ]
    )
    model.save(f"model_{seed}.keras")


save(1)
save(2)
gc.collect()
first = keras.models.load_model("model_1.keras")
second = keras.models.load_model("model_2.keras")
