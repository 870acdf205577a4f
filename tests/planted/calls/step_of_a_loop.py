import keras
import numpy as np

keras.utils.set_random_seed(4)
rng = np.random.default_rng(4)
real = rng.normal(3, 2, size=(64, 5)).astype("float32")
critic = keras.Sequential(
    [
        keras.Input((5,)),
        keras.layers.Dense(8),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
critic.compile(keras.optimizers.Adam(0.05), "binary_crossentropy")
for _ in range(6):
    batch = real[rng.integers(0, 64, 16)]
    fake = rng.normal(size=(16, 5)).astype("float32")
    on_real = critic.train_on_batch(batch, np.ones((16, 1)))
    on_fake = critic.train_on_batch(fake, np.zeros((16, 1)))
print(f"real {on_real:.3f}, evaluated {critic.evaluate(batch, np.ones((16, 1)), verbose=0):.3f}")
