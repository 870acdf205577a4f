import keras
import numpy as np

keras.utils.set_random_seed(8)
wave = np.sin(np.arange(120) / 4).astype("float32")
x = np.stack([wave[i : i + 8] for i in range(80)])[..., None]
net = keras.Sequential(
    [
        keras.Input(batch_shape=(20, 8, 1)),
        keras.layers.SimpleRNN(16, stateful=True),
        keras.layers.Dense(1),
    ]
)
net.compile("adam", "mae")
print(net.evaluate(x, wave[8:88], batch_size=20, verbose=0))
print(net.evaluate(x, wave[8:88], batch_size=20, verbose=0))
