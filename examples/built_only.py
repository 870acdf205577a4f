"""Two models built with two seeds, as in the first example of the question this project grew from.

Nothing is trained, evaluated or predicted: the models as built are compared, on a fixed probe.
"""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras.layers import Dense


def build_model(seed):
    np.random.seed(seed)
    tf.random.set_seed(seed)
    model = keras.Sequential(
        [
            Dense(128, activation="relu", input_shape=(10,)),
            Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model


# Different seeds lead to different weight initializations
model1 = build_model(42)
model2 = build_model(43)
