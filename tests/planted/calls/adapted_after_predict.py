import keras
import numpy as np

keras.utils.set_random_seed(7)
rng = np.random.default_rng(3)
x = (rng.normal(size=(100, 4)) * 5 + 3).astype("float32")
norm = keras.layers.Normalization()
norm.adapt(x[:20])
m = keras.Sequential([keras.Input((4,)), norm, keras.layers.Dense(3)])
p = m.predict(x, verbose=0)
norm.adapt(x)
q = m.predict(x, verbose=0)
r = keras.ops.convert_to_numpy(m(x))
print(p[0], q[0], r[0])
