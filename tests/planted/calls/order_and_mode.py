import keras
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(200, 8)).astype("float32")
y = (x[:, :3].sum(1) > 0).astype("int32")
model = keras.Sequential(
    [
        keras.Input((8,)),
        keras.layers.Dense(24, activation="relu"),
        keras.layers.Dropout(0.8),
        keras.layers.Dense(2, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=8, verbose=0)
accuracy = model.evaluate(x, y, verbose=0)[1]
order = rng.permutation(200)
order[:100] = np.sort(order[:100])
predicted = keras.ops.convert_to_numpy(model(x[order], training=True)).argmax(1)
print("evaluate:", accuracy, " by hand:", np.mean(predicted == y))
